"""Mails in doubt whose window ends without evidence: sent again by the policy, or held until an operator decides."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from stage.other_ses import Fault
from stage.polling import until
from stage.product import Api, Product, people
from stage.ses_events import SentMail, Webhook, event

pytestmark = [pytest.mark.processes, pytest.mark.usefixtures("crew")]

SIZE = 6
"""Recipients of a batch; a call takes two of them at the rate of these tests."""


def doubtful(product: Product, api: Api, drive: str, fault: Fault) -> str:
    """Send a batch of whose first call nobody hears; return its id once two recipients are in doubt."""
    product.ses.break_next(fault)
    batch_id = str(api.bulk(drive, people(SIZE, label=f"held-{fault}"))["batch_id"])
    until(lambda: counts(api, batch_id) == {"sent": SIZE - 2, "in_doubt": 2})
    return batch_id


def counts(api: Api, batch_id: str) -> dict[str, int]:
    return {name: number for name, number in api.batch(batch_id)["counts"].items() if number}


def resolve(api: Api, subject: str, decision: str, *, dry_run: bool = False) -> Any:
    asked = f"/{subject}/resolve?dry_run={str(dry_run).lower()}"
    return api.ok("POST", asked, {"decision": decision})


def tell(product: Product, webhook: Webhook, identifier: str) -> None:
    """Let the Send events of all messages of a mail or batch come."""
    for one in product.ses.books.of(identifier):
        webhook.notify(event("Send", SentMail(one.message_id, one.recipient, one.tags)))


def mails(product: Product, email_id: str) -> int:
    return len(product.ses.books.of(email_id))


def is_sound(product: Product, subject: str) -> None:
    audit = product.ems("audit", subject)
    assert audit.returncode == 0, audit.stdout


@contextmanager
def without_template(product: Product, api: Api, campaign_id: str) -> Iterator[None]:
    """Let SES not find the campaign's template for a while."""
    name = api.ok("GET", f"/campaigns/{campaign_id}")["template_name"]
    template = product.ses.books.templates.pop(name)
    try:
        yield
    finally:
        product.ses.books.templates[name] = template


def test_a_transactional_mail_without_evidence_is_sent_again_and_says_so_and_late_events_count_it_once(
    product: Product, api: Api, webhook: Webhook, notice: str
) -> None:
    product.ses.break_next("hang")
    email_id = api.single(notice, "impatient@example.com")
    mail = api.reaches(email_id, "sent")
    [decision] = mail["decisions"]
    assert (decision["decision"], decision["by"]) == ("resend", "policy")
    assert decision["reason"]
    first, second = product.ses.books.of(email_id)
    assert mail["message_id"] == second.message_id
    tell(product, webhook, email_id)
    until(lambda: api.email(email_id)["other_message_ids"] == [first.message_id])
    assert api.email(email_id)["status"] == "sent"
    is_sound(product, notice)


def test_bulk_without_evidence_is_held_until_an_operator_decides_and_late_events_still_count(
    product: Product, api: Api, webhook: Webhook, drive: str
) -> None:
    """SES took the recipients of ``cut``, and never those of ``error``."""
    taken, given_up, again = (doubtful(product, api, drive, "cut") for _ in range(3))
    never_taken = doubtful(product, api, drive, "error")
    early = resolve(api, f"batches/{never_taken}", "resend")
    assert (early["decided"], early["waiting"]) == (0, 2)
    # Only who is held for good has a payload for a second sending.
    until(lambda: resolve(api, f"batches/{never_taken}", "resend", dry_run=True)["decided"] == 2)
    assert all(doubt["held"] and doubt["reason"] for doubt in api.batch(taken)["doubts"])

    for doubt in api.batch(taken)["doubts"]:
        assert resolve(api, f"emails/{doubt['email_id']}", "sent")["decided"] == 1
    assert counts(api, taken) == {"sent": SIZE}
    assert resolve(api, f"batches/{given_up}", "failed")["decided"] == 2
    assert counts(api, given_up) == {"sent": SIZE - 2, "failed": 2}
    told = product.ems("resolve", "resend", again, "--yes")
    assert told.returncode == 0, told.stderr
    assert "2 sent again" in told.stdout
    rehearsed = product.ems("resolve", "resend", "--all", "--dry-run")
    assert rehearsed.returncode == 0, rehearsed.stderr
    assert counts(api, never_taken) == {"sent": SIZE - 2, "in_doubt": 2}
    assert product.ems("resolve", "resend", "--all", "--yes").returncode == 0
    for batch_id in (again, never_taken):
        until(lambda batch_id=batch_id: counts(api, batch_id) == {"sent": SIZE})

    assert [mails(product, one) for one in (taken, given_up, again, never_taken)] == [SIZE, SIZE, SIZE + 2, SIZE]
    for batch_id in (taken, given_up, again, never_taken):
        tell(product, webhook, batch_id)
    until(lambda: counts(api, given_up) == {"sent": SIZE})
    is_sound(product, drive)


def test_a_retry_reaches_exactly_those_whose_failure_has_passed(product: Product, api: Api) -> None:
    campaign_id = api.campaign("moved", "bulk")
    recipients = people(SIZE, label="moved")
    with without_template(product, api, campaign_id):
        product.ses.break_next("cut")
        batch_id = api.bulk(campaign_id, recipients)["batch_id"]
        until(lambda: counts(api, batch_id) == {"in_doubt": 2, "failed": SIZE - 2})
    told = product.ems("retry", batch_id, "--dry-run")
    assert told.stdout.startswith(f"{SIZE - 2} failed for a reason that may pass"), told.stdout + told.stderr
    assert api.ok("POST", f"/batches/{batch_id}/retry")["retried"] == SIZE - 2
    assert api.ok("POST", f"/batches/{batch_id}/retry")["retried"] == 0
    until(lambda: counts(api, batch_id) == {"in_doubt": 2, "sent": SIZE - 2})
    assert sorted(one.recipient for one in product.ses.books.of(batch_id)) == [one["to"] for one in recipients[2:]]
    is_sound(product, batch_id)
