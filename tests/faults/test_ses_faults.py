"""SES in bad shape: whoever was accepted gets one mail, or is held in doubt, and nobody gets two."""

from collections import Counter

import pytest
from stage.other_ses import Fault
from stage.polling import until
from stage.product import Api, Product, people
from stage.ses_events import SentMail, Webhook, event

from .conftest import Crew

pytestmark = [pytest.mark.processes, pytest.mark.usefixtures("crew")]


def mails(product: Product, batch_id: str) -> Counter[str]:
    return Counter(one.recipient for one in product.ses.books.of(batch_id))


@pytest.mark.parametrize("fault", ["throttle", "throttle_entries"])
def test_a_batch_that_ses_throttles_reaches_everybody_once(
    product: Product, api: Api, fault: Fault, drive: str
) -> None:
    product.ses.break_next(fault, times=12)
    batch_id = api.bulk(drive, people(120, label=fault))["batch_id"]
    assert api.finished(batch_id)["counts"]["sent"] == 120
    assert mails(product, batch_id) == Counter(f"{fault}-{n}@example.com" for n in range(120))
    assert product.ses.faults_left == 0


def test_single_mails_wait_out_a_throttle(product: Product, api: Api, notice: str) -> None:
    product.ses.break_next("throttle", times=3)
    ids = [api.single(notice, f"patient-{n}@example.com") for n in range(5)]
    for email_id in ids:
        api.reaches(email_id, "sent")
        assert len(product.ses.books.of(email_id)) == 1


def test_mails_wait_while_ses_is_down_and_go_out_once_when_it_is_back(
    product: Product, api: Api, crew: Crew, drive: str, notice: str
) -> None:
    product.ses.break_next("unavailable")
    turned_away = api.single(notice, "turned-away@example.com")
    until(lambda: crew.logged("postponed", turned_away))
    product.ses.vanish()
    try:
        unreached = api.single(notice, "unreached@example.com")
        batch_id = api.bulk(drive, people(20, label="unreached"))["batch_id"]
        until(lambda: crew.logged("postponed", unreached) and crew.logged("postponed", batch_id))
    finally:
        product.ses.listen()
    for email_id in (turned_away, unreached):
        api.reaches(email_id, "sent")
        assert len(product.ses.books.of(email_id)) == 1
    assert api.finished(batch_id)["counts"]["sent"] == 20
    assert mails(product, batch_id) == Counter(f"unreached-{n}@example.com" for n in range(20))


@pytest.mark.parametrize("fault", ["hang", "cut", "error"])
def test_a_mail_whose_answer_is_lost_is_in_doubt_until_evidence_comes(
    product: Product, api: Api, webhook: Webhook, fault: Fault, drive: str, notice: str
) -> None:
    """A Send event that carries our tag is the only evidence; with ``error`` nothing was sent and none comes."""
    product.ses.break_next(fault)
    email_id = api.single(drive, f"doubt-{fault}@example.com")
    mail = api.reaches(email_id, "in_doubt")
    assert mail["message_id"] is None
    assert mail["reason"]
    api.reaches(api.single(notice, "another@example.com"), "sent")
    taken = product.ses.books.of(email_id)
    assert len(taken) == (0 if fault == "error" else 1)
    for one in taken:
        webhook.notify(event("Send", SentMail(one.message_id, one.recipient, one.tags)))
        assert api.reaches(email_id, "sent")["message_id"] == one.message_id


def test_doubt_in_a_batch_is_counted_and_the_counts_follow_the_evidence(
    product: Product, api: Api, webhook: Webhook, drive: str
) -> None:
    product.ses.break_next("hang")
    batch_id = api.bulk(drive, people(60, label="lost-answer"))["batch_id"]
    counts = api.finished(batch_id)["counts"]
    assert counts["in_doubt"] > 0
    assert counts["sent"] + counts["in_doubt"] == 60
    taken = {one.email_id: one for one in product.ses.books.of(batch_id)}
    assert len(taken) == len(product.ses.books.of(batch_id)) == 60
    doubtful = [mail for mail in api.emails(drive, "in_doubt") if mail["batch_id"] == batch_id]
    assert len(doubtful) == counts["in_doubt"]
    for mail in doubtful:
        one = taken[mail["email_id"]]
        webhook.notify(event("Send", SentMail(one.message_id, one.recipient, one.tags)))
    until(lambda: api.batch(batch_id)["counts"]["sent"] == 60)
    assert api.batch(batch_id)["counts"]["in_doubt"] == 0
    audit = product.ems("audit", batch_id)
    assert audit.returncode == 0, audit.stdout
