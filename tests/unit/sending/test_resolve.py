"""What an operator decides about doubts, and a retry of failures that may pass."""

from collections.abc import Callable

import pytest
from fakes.audit import auditor_of
from fakes.main_path import Fuse, MainPath, dies
from fakes.sending import entry
from fakes.tracking import sent_event, tracker_of

from ems import queues
from ems.audit.findings import Kind
from ems.errors import ConflictError, UnknownIdError
from ems.sending.requests import BulkRequest, Caller, SingleRequest
from ems.sending.resolve import Order, Resolution, Word
from ems.sending.retry import Retry
from ems.store.models import TrackerRow
from ems.store.tables import Tables

WINDOW = 120


@pytest.fixture
def path(tables: Tables) -> MainPath:
    return MainPath(tables)


@pytest.fixture
def held_batch(path: MainPath) -> str:
    """Four recipients (the last suppressed), two of them in doubt and held, one failed for a reason that may pass."""
    batch_id = path.acceptance.bulk(BulkRequest("welcome", [entry(n) for n in range(4)]), Caller("k")).batch_id
    path.ses.plan = ["lose mail", "lose answer", "refuse for now"]
    path.run(seconds=WINDOW)
    return batch_id


@pytest.fixture
def held_mail(path: MainPath) -> str:
    """A single mail of a bulk campaign that is held."""
    request = SingleRequest("welcome", entry(7)["to"], data={"name": "A"})
    email_id = path.acceptance.single(request, Caller("k")).email_id
    path.ses.plan = ["lose mail"]
    path.run(seconds=WINDOW)
    return email_id


def counts(path: MainPath, batch_id: str) -> dict[str, int]:
    shown = path.view.get(batch_id).counts
    names = ("waiting", "sending", "sent", "failed", "suppressed", "in_doubt")
    return {name: number for name in names if (number := getattr(shown, name))}


def row(path: MainPath, batch_id: str, number: int) -> TrackerRow:
    found: TrackerRow = path.tables.emails.get(f"{batch_id}-{number:06d}")
    return found


def test_a_batch_shows_whom_it_holds_and_why(path: MainPath, held_batch: str) -> None:
    assert counts(path, held_batch) == {"failed": 1, "suppressed": 1, "in_doubt": 2}
    first, second = path.resolver.first_doubts(held_batch)
    assert (first.email_id, first.reason, first.held) == (f"{held_batch}-000000", "ConnectionClosedError", True)
    assert (second.reason, second.decides_at - second.since) == ("ReadTimeoutError", WINDOW)


@pytest.mark.parametrize("word", ["sent", "failed", "resend"])
def test_a_dry_run_counts_and_changes_nothing(path: MainPath, held_batch: str, word: Word) -> None:
    assert path.resolver.batch(held_batch, Order(word, "me", dry_run=True)) == Resolution(decided=2)
    path.run(seconds=WINDOW)
    assert counts(path, held_batch) == {"failed": 1, "suppressed": 1, "in_doubt": 2}


@pytest.mark.parametrize(("word", "expected"), [("sent", {"sent": 2, "failed": 1}), ("failed", {"failed": 3})])
def test_an_operator_takes_doubts_as_sent_or_gives_them_up(
    path: MainPath, held_batch: str, word: Word, expected: dict[str, int]
) -> None:
    assert path.resolver.batch(held_batch, Order(word, "me")) == Resolution(decided=2)
    assert counts(path, held_batch) == {**expected, "suppressed": 1}
    assert row(path, held_batch, 0).decisions == [
        {"decision": word, "by": "me", "at": path.clock(), "reason": "ConnectionClosedError"}
    ]
    assert path.resolver.batch(held_batch, Order(word, "me")) == Resolution()


def test_evidence_overturns_what_an_operator_gave_up(path: MainPath, held_batch: str) -> None:
    path.resolver.batch(held_batch, Order("failed", "me"))
    tracker_of(path.tables, path.clock).apply(sent_event(f"{held_batch}-000001", "late"))
    assert counts(path, held_batch) == {"sent": 1, "failed": 2, "suppressed": 1}
    assert row(path, held_batch, 1).message_id == "late"


def test_evidence_gives_a_mail_that_an_operator_took_as_sent_its_message_id(path: MainPath, held_batch: str) -> None:
    path.resolver.batch(held_batch, Order("sent", "me"))
    before = counts(path, held_batch)
    tracker_of(path.tables, path.clock).apply(sent_event(f"{held_batch}-000001", "late"))
    assert counts(path, held_batch) == before
    assert row(path, held_batch, 1).message_id == "late"


def test_a_batchs_doubts_are_sent_again(path: MainPath, held_batch: str) -> None:
    order = Order("resend", "me")
    assert path.resolver.batch(held_batch, order) == Resolution(decided=2)
    assert counts(path, held_batch) == {"sending": 2, "failed": 1, "suppressed": 1}
    assert path.resolver.batch(held_batch, order) == Resolution()
    path.run(seconds=5)
    assert counts(path, held_batch) == {"sent": 2, "failed": 1, "suppressed": 1}
    assert path.ses.taken == {f"{held_batch}-000000": 1, f"{held_batch}-000001": 2}


def test_only_the_recipient_that_was_named_is_sent_to_again(path: MainPath, held_batch: str) -> None:
    assert path.resolver.email(f"{held_batch}-000000", Order("resend", "me")) == Resolution(decided=1)
    path.run(seconds=5)
    assert counts(path, held_batch) == {"sent": 1, "failed": 1, "suppressed": 1, "in_doubt": 1}
    assert path.resolver.email(f"{held_batch}-000001", Order("resend", "me")) == Resolution(decided=1)
    path.run(seconds=5)
    assert counts(path, held_batch) == {"sent": 2, "failed": 1, "suppressed": 1}


def test_what_an_event_has_proved_is_counted_as_sent_instead(path: MainPath, held_batch: str) -> None:
    path.tables.emails(f"{held_batch}-000001").update(actions=[path.tables.emails.event_status.set("delivered")])
    assert path.resolver.batch(held_batch, Order("resend", "me")) == Resolution(decided=1, proven=1)
    assert counts(path, held_batch) == {"sending": 1, "sent": 1, "failed": 1, "suppressed": 1}


def test_within_the_window_nobody_decides(path: MainPath) -> None:
    batch_id = path.acceptance.bulk(BulkRequest("welcome", [entry(0)]), Caller("k")).batch_id
    path.ses.plan = ["lose answer"]
    path.run(seconds=WINDOW - 30)
    assert path.resolver.batch(batch_id, Order("failed", "me")) == Resolution(waiting=1)
    assert not path.resolver.first_doubts(batch_id)[0].held


def test_of_a_cancelled_batch_nobody_is_sent_to_again(path: MainPath, held_batch: str) -> None:
    path.batch_store.move(held_batch, "cancelled", allowed=("waiting",))
    assert path.resolver.batch(held_batch, Order("resend", "me")) == Resolution(impossible=2)
    assert path.resolver.batch(held_batch, Order("failed", "me")) == Resolution(decided=2)
    with pytest.raises(ConflictError, match="cancelled"):
        path.retries.batch(held_batch, by="me")


def test_a_held_single_mail_is_sent_again_once_however_often_that_is_said(path: MainPath, held_mail: str) -> None:
    for _ in range(2):
        assert path.resolver.email(held_mail, Order("resend", "me")) == Resolution(decided=1)
    assert len(path.sqs.bodies(queues.TRIGGER)) == 2
    path.run(seconds=5)
    assert path.ses.taken == {held_mail: 1}
    with pytest.raises(ConflictError, match="not in doubt"):
        path.resolver.email(held_mail, Order("resend", "me"))


def test_an_order_about_everything_finds_batches_and_single_mails(
    path: MainPath, held_batch: str, held_mail: str
) -> None:
    assert path.resolver.everything(Order("resend", "me", dry_run=True)) == Resolution(decided=3)
    assert path.resolver.everything(Order("resend", "me")) == Resolution(decided=3)
    path.run(seconds=5)
    assert counts(path, held_batch) == {"sent": 2, "failed": 1, "suppressed": 1}
    assert path.ses.taken[held_mail] == 1
    assert path.resolver.everything(Order("resend", "me")) == Resolution()


@pytest.mark.parametrize(
    "ask",
    [lambda path: path.resolver.batch("nope", Order("sent", "me")), lambda path: path.retries.batch("nope", by="me")],
)
def test_an_unknown_batch_is_named(path: MainPath, ask: Callable[[MainPath], object]) -> None:
    with pytest.raises(UnknownIdError, match="nope"):
        ask(path)


def test_a_mail_whose_web_process_died_before_it_enqueued_it_is_lost_until_an_operator_abandons_it(
    path: MainPath,
) -> None:
    path.fuse = Fuse(2, happens=dies)  # the row is written, the message is not
    path.survives(
        lambda: path.acceptance.single(SingleRequest("welcome", entry(7)["to"], data={"name": "A"}), Caller("k"))
    )
    assert path.sqs.bodies(queues.TRIGGER) == []
    path.clock.advance(3600)
    [stranded] = path.tables.emails.scan()
    [verdict] = auditor_of(path).everything()
    assert [(one.kind, one.subject) for one in verdict.breaks] == [(Kind.LOST, stranded.email_id)]

    assert path.resolver.email(stranded.email_id, Order("abandon", "me", dry_run=True)) == Resolution(decided=1)
    assert path.resolver.email(stranded.email_id, Order("abandon", "me")) == Resolution(decided=1)
    [verdict] = auditor_of(path).everything()
    assert verdict.breaks == []
    with pytest.raises(ConflictError, match="not a single mail that waits"):
        path.resolver.email(stranded.email_id, Order("abandon", "me"))


def test_what_was_abandoned_is_not_sent_by_a_message_that_comes_after_all(path: MainPath) -> None:
    email_id = path.acceptance.single(
        SingleRequest("welcome", entry(7)["to"], data={"name": "A"}), Caller("k")
    ).email_id
    path.resolver.email(email_id, Order("abandon", "me"))
    path.settle_down()
    assert not path.ses.taken
    assert path.tables.emails.get(email_id).send_status == "failed"


def test_only_a_mail_that_is_named_is_abandoned(path: MainPath, held_batch: str) -> None:
    path.acceptance.single(SingleRequest("welcome", entry(7)["to"], data={"name": "A"}), Caller("k"))
    assert path.resolver.batch(held_batch, Order("abandon", "me")) == Resolution()
    with pytest.raises(ConflictError, match="name the mail"):
        path.resolver.everything(Order("abandon", "me"))


def test_a_retry_sends_to_exactly_those_whose_failure_may_pass(path: MainPath, held_batch: str) -> None:
    assert path.retries.batch(held_batch, by="me", dry_run=True) == Retry(retried=1)
    assert path.retries.batch(held_batch, by="me") == Retry(retried=1)
    assert path.retries.batch(held_batch, by="me") == Retry()
    assert counts(path, held_batch) == {"sending": 1, "suppressed": 1, "in_doubt": 2}
    path.run(seconds=5)
    assert counts(path, held_batch) == {"sent": 1, "suppressed": 1, "in_doubt": 2}
    retried = row(path, held_batch, 2)
    assert (retried.send_status, retried.attempts, retried.may_pass, retried.reason) == ("sent", 2, None, None)
    assert [one["decision"] for one in retried.decisions] == ["retry"]


def test_a_retry_that_fails_again_can_be_retried_and_one_for_good_cannot(path: MainPath, held_batch: str) -> None:
    path.ses.plan = ["refuse for now"]
    path.retries.batch(held_batch, by="me")
    path.run(seconds=5)
    assert path.retries.batch(held_batch, by="me") == Retry(retried=1)
    path.ses.plan = ["refuse"]
    path.run(seconds=5)
    assert path.retries.batch(held_batch, by="me") == Retry()
    assert counts(path, held_batch) == {"failed": 1, "suppressed": 1, "in_doubt": 2}


def test_a_retry_that_is_cancelled_before_it_is_sent_leaves_the_failure_as_it_was(
    path: MainPath, held_batch: str
) -> None:
    path.retries.batch(held_batch, by="me")
    path.view.cancel(held_batch)
    path.run(seconds=5)
    assert counts(path, held_batch) == {"failed": 1, "suppressed": 1, "in_doubt": 2}
    failed = row(path, held_batch, 2)
    assert (failed.reason, failed.may_pass) == ("TEMPLATE_NOT_FOUND: gone", True)
