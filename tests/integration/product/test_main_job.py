"""The main job: a campaign to many people, and single mails that a person waits for, at the same time."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest
from stage.fixtures import RATE
from stage.metronome import Metronome
from stage.other_ses import Taken, fullest_second
from stage.polling import until
from stage.product import Api, Product, people

pytestmark = pytest.mark.processes

BULK = 1000
SINGLES = 20
INVALID = (
    {"to": "nobody", "data": {"name": "No At"}},
    {"to": "spring-0@example.com", "data": {"name": "Again"}},
    {"to": "müller@example.com", "data": {"name": "Not ASCII"}},
    {"to": "nameless@example.com"},
    {"to": "extra@example.com", "data": {"name": "Extra"}, "cc": "x@example.com"},
    "not an object",
)


@dataclass(frozen=True)
class Job:
    """What was asked for and what came of it."""

    spring: str
    receipt: str
    answer: dict[str, Any]
    batch: dict[str, Any]
    singles: list[str]
    to_bulk: list[Taken]
    to_singles: list[Taken]
    throttled: int
    machine_late: float


@pytest.fixture(scope="session")
def job(product: Product, api: Api) -> Job:
    spring, receipt = api.campaign("spring", "bulk"), api.campaign("receipt", "transactional")
    books = product.ses.books
    throttled = books.throttled
    recipients: list[Any] = people(BULK, label="spring")
    for place, bad in enumerate(INVALID):
        recipients.insert(100 * (place + 1), bad)
    with Metronome() as machine:
        answer = api.bulk(spring, recipients, name="spring")
        until(lambda: books.of(answer["batch_id"]))
        singles = [api.single(receipt, f"student-{n}@example.com") for n in range(SINGLES)]
        for email_id in singles:
            api.reaches(email_id, "sent")
        batch = api.finished(answer["batch_id"])
    to_bulk = books.of(answer["batch_id"])
    to_singles = [one for email_id in singles for one in books.of(email_id)]
    return Job(spring, receipt, answer, batch, singles, to_bulk, to_singles, books.throttled - throttled, machine.late)


def test_the_template_reaches_ses_under_a_versioned_name(product: Product, api: Api, job: Job) -> None:
    name = api.ok("GET", f"/campaigns/{job.spring}")["template_name"]
    content = product.ses.books.templates[name]
    assert content == {"Subject": "Hello {{name}}", "Html": "<p>Dear {{name}}</p>", "Text": "Dear {{name}}"}
    assert {one.template for one in job.to_bulk} == {name}


def test_invalid_recipients_are_named_and_cost_nobody_else_anything(job: Job) -> None:
    assert job.answer["accepted"] == BULK
    assert [one["index"] for one in job.answer["rejected"]] == [100, 200, 300, 400, 500, 600]
    errors = [one["error"] for one in job.answer["rejected"]]
    assert "duplicate" in errors[1]
    assert "name" in errors[3]
    assert "cc" in errors[4]


def test_every_accepted_recipient_gets_one_mail_with_its_own_data(job: Job) -> None:
    assert Counter(one.recipient for one in job.to_bulk) == Counter(f"spring-{n}@example.com" for n in range(BULK))
    assert all(one.data["name"] == f"Person {one.recipient[7:].partition('@')[0]}" for one in job.to_bulk)


def test_every_mail_names_itself_its_campaign_and_the_configuration_set(job: Job) -> None:
    assert {one.tags["ems_campaign_id"] for one in job.to_bulk} == {job.spring}
    assert {one.configuration_set for one in (*job.to_bulk, *job.to_singles)} == {"ems"}
    assert len({one.email_id for one in job.to_bulk}) == BULK


def test_single_mails_go_out_once_and_before_the_campaign_ends(job: Job) -> None:
    assert sorted(one.email_id for one in job.to_singles) == sorted(job.singles)
    assert max(one.at for one in job.to_singles) < max(one.at for one in job.to_bulk)


def test_no_sliding_second_holds_more_recipients_than_the_account_may_send(job: Job) -> None:
    fullest = fullest_second([one.at for one in (*job.to_bulk, *job.to_singles)])
    assert fullest <= RATE * (1 + job.machine_late)
    assert job.throttled == 0


def test_the_batch_is_done_and_its_counts_add_up(job: Job) -> None:
    assert job.batch["status"] == "done"
    assert job.batch["total"] == BULK
    assert job.batch["counts"] == {
        "waiting": 0, "sending": 0, "sent": BULK, "failed": 0, "suppressed": 0, "cancelled": 0, "in_doubt": 0,
        "held": 0,
    }  # fmt: skip
    assert job.batch["eta_seconds"] == 0


def test_a_sent_mail_is_found_by_id_by_message_and_by_recipient(api: Api, job: Job) -> None:
    for taken in (job.to_bulk[0], job.to_singles[0]):
        mail = api.email(taken.email_id)
        assert (mail["status"], mail["message_id"]) == ("sent", taken.message_id)
        for query in (f"message_id={taken.message_id}", f"recipient={taken.recipient}"):
            assert api.ok("GET", f"/emails?{query}")["items"] == [mail]


def test_pages_of_a_campaign_hold_every_mail_once(api: Api, job: Job) -> None:
    assert Counter(mail["email_id"] for mail in api.emails(job.spring, "sent")) == Counter(
        one.email_id for one in job.to_bulk
    )


def test_the_audit_finds_the_books_sound(product: Product, job: Job) -> None:
    for subject in (job.answer["batch_id"], job.receipt):
        audit = product.ems("audit", subject)
        assert audit.returncode == 0, audit.stdout
        assert "BROKEN" not in audit.stdout
