"""A single mail in doubt: evidence, the end of the window, the policy, an operator, and what comes late."""

from collections.abc import Callable

import pytest
from fakes.clock import Clock
from fakes.sending import Died, FakeGovernor, FakeMailer, FakeSuppressions, address, single
from fakes.tables import kept_of
from fakes.tracking import sent_event, tracker_of

from ems import messages
from ems.aws.ses_answers import NotNow, Outcome, Refused, Unknown
from ems.sending.deliver_email import EmailDelivery
from ems.sending.outcomes import Delivery, Finished, Postponed
from ems.sending.payloads import SinglePayload
from ems.store.models import TrackerRow
from ems.store.tables import Tables

MAIL = single("e1", kind="transactional")
BULK = single("e1", kind="bulk")
LOST = Unknown("ReadTimeoutError")
WINDOW = 120

Deliver = Callable[[SinglePayload], Delivery]


@pytest.fixture
def deliver(email_delivery: EmailDelivery) -> Deliver:
    return email_delivery.deliver


def row_of(tables: Tables) -> TrackerRow:
    row: TrackerRow = tables.emails.get("e1")
    return row


def left_in_doubt(deliver: Deliver, mailer: FakeMailer, clock: Clock, mail: SinglePayload, *, after: float) -> None:
    """Send it without an answer; *after* seconds later its message is due."""
    mailer.script = [LOST]
    assert deliver(mail) == Postponed(WINDOW, "in doubt")
    clock.advance(after)


def test_a_doubt_waits_in_the_queue_for_the_rest_of_its_window(
    deliver: Deliver, mailer: FakeMailer, clock: Clock
) -> None:
    left_in_doubt(deliver, mailer, clock, MAIL, after=100)
    assert deliver(MAIL) == Postponed(20, "in doubt")
    assert len(mailer.calls) == 1


def test_a_transactional_mail_without_evidence_is_sent_again_and_marked_so(
    deliver: Deliver, mailer: FakeMailer, clock: Clock, tables: Tables
) -> None:
    left_in_doubt(deliver, mailer, clock, MAIL, after=WINDOW)
    assert deliver(MAIL) == Finished()
    row = row_of(tables)
    assert (row.send_status, row.message_id, row.attempts, row.reason) == ("sent", "ses-e1", 2, None)
    [decision] = row.decisions
    assert (decision["decision"], decision["by"], decision["reason"]) == ("resend", "policy", "ReadTimeoutError")
    assert deliver(MAIL) == Finished()
    assert len(mailer.calls) == 2


def test_a_bulk_mail_without_evidence_is_held_with_its_payload(
    deliver: Deliver, mailer: FakeMailer, clock: Clock, tables: Tables
) -> None:
    left_in_doubt(deliver, mailer, clock, BULK, after=WINDOW)
    assert deliver(BULK) == Finished()
    assert (row_of(tables).send_status, len(mailer.calls)) == ("in_doubt", 1)
    kept = kept_of(tables, clock)
    assert list(kept.mails()) == ["e1"]
    assert SinglePayload.of(messages.arguments_of(kept.mail("e1") or "")["mail"]) == BULK


@pytest.mark.parametrize(("policy_name", "mail", "calls"), [("hold", MAIL, 1), ("resend", BULK, 2)])
def test_the_policy_may_hold_or_resend_all(
    deliver: Deliver, mailer: FakeMailer, clock: Clock, mail: SinglePayload, calls: int
) -> None:
    left_in_doubt(deliver, mailer, clock, mail, after=WINDOW)
    assert deliver(mail) == Finished()
    assert len(mailer.calls) == calls


def test_evidence_within_the_window_makes_the_mail_sent(
    deliver: Deliver, mailer: FakeMailer, clock: Clock, tables: Tables
) -> None:
    left_in_doubt(deliver, mailer, clock, MAIL, after=5)
    tracker_of(tables, clock).apply(sent_event("e1", "first"))
    clock.advance(WINDOW)
    assert deliver(MAIL) == Finished()
    assert (row_of(tables).send_status, row_of(tables).message_id, len(mailer.calls)) == ("sent", "first", 1)


def test_evidence_that_came_before_the_doubt_was_recorded_settles_it_at_the_end_of_the_window(
    deliver: Deliver, mailer: FakeMailer, clock: Clock, tables: Tables
) -> None:
    tracker_of(tables, clock).apply(sent_event("e1", "first"))
    left_in_doubt(deliver, mailer, clock, MAIL, after=WINDOW)
    assert deliver(MAIL) == Finished()
    assert (row_of(tables).send_status, row_of(tables).message_id, len(mailer.calls)) == ("sent", "first", 1)


def test_evidence_between_the_decision_and_the_claim_stops_the_second_sending(
    deliver: Deliver, mailer: FakeMailer, governor: FakeGovernor, clock: Clock, tables: Tables
) -> None:
    left_in_doubt(deliver, mailer, clock, MAIL, after=WINDOW)
    governor.before_lease = lambda: tracker_of(tables, clock).apply(sent_event("e1", "first"))
    assert deliver(MAIL) == Finished()
    assert (row_of(tables).send_status, len(mailer.calls)) == ("sent", 1)


def test_after_a_second_sending_late_evidence_of_the_first_is_on_record_and_counts_one_mail(
    deliver: Deliver, mailer: FakeMailer, clock: Clock, tables: Tables
) -> None:
    left_in_doubt(deliver, mailer, clock, MAIL, after=WINDOW)
    deliver(MAIL)
    tracker_of(tables, clock).apply(sent_event("e1", "first"))
    tracker_of(tables, clock).apply(sent_event("e1", "ses-e1"))
    row = row_of(tables)
    assert (row.send_status, row.message_id, row.message_ids) == ("sent", "ses-e1", {"first", "ses-e1"})
    assert row.moments["send"]["count"] == 2


def test_late_evidence_of_the_first_sending_comes_while_the_second_is_under_way(
    deliver: Deliver, mailer: FakeMailer, governor: FakeGovernor, clock: Clock, tables: Tables
) -> None:
    left_in_doubt(deliver, mailer, clock, MAIL, after=WINDOW)
    governor.before_arrival = lambda: tracker_of(tables, clock).apply(sent_event("e1", "first"))
    deliver(MAIL)
    row = row_of(tables)
    assert (row.send_status, row.message_id, row.message_ids) == ("sent", "ses-e1", {"first", "ses-e1"})


@pytest.mark.parametrize("evidence", ["while the second call is made", "afterwards"])
def test_a_refused_second_sending_leaves_the_first_its_evidence(
    deliver: Deliver, mailer: FakeMailer, governor: FakeGovernor, clock: Clock, tables: Tables, evidence: str
) -> None:
    left_in_doubt(deliver, mailer, clock, MAIL, after=WINDOW)
    mailer.script = [Refused("NotFoundException: template", may_pass=True)]

    def event() -> None:
        tracker_of(tables, clock).apply(sent_event("e1", "first"))

    if evidence == "afterwards":
        deliver(MAIL)
        assert row_of(tables).send_status == "failed"
        event()
    else:
        governor.before_arrival = event
        deliver(MAIL)
    assert (row_of(tables).send_status, row_of(tables).message_id) == ("sent", "first")


@pytest.mark.parametrize("answer", [NotNow("quota", "tomorrow"), NotNow("late", "missed")])
def test_a_second_sending_that_ses_does_not_take_now_is_still_in_doubt_and_comes_again(
    deliver: Deliver, mailer: FakeMailer, clock: Clock, tables: Tables, answer: Outcome
) -> None:
    left_in_doubt(deliver, mailer, clock, MAIL, after=WINDOW)
    mailer.script = [answer]
    assert isinstance(deliver(MAIL), Postponed)
    row = row_of(tables)
    assert (row.send_status, row.attempts, row.decisions or []) == ("in_doubt", 1, [])
    assert deliver(MAIL) == Finished()
    assert (row_of(tables).attempts, len(row_of(tables).decisions)) == (2, 1)


def test_a_second_sending_of_unknown_outcome_has_a_window_of_its_own(
    deliver: Deliver, mailer: FakeMailer, clock: Clock
) -> None:
    left_in_doubt(deliver, mailer, clock, MAIL, after=WINDOW)
    left_in_doubt(deliver, mailer, clock, MAIL, after=WINDOW - 1)
    assert deliver(MAIL) == Postponed(1, "in doubt")
    assert len(mailer.calls) == 2


def test_a_sender_that_dies_in_the_second_call_leaves_a_doubt_again(
    deliver: Deliver, mailer: FakeMailer, clock: Clock, tables: Tables
) -> None:
    left_in_doubt(deliver, mailer, clock, MAIL, after=WINDOW)
    mailer.script = [Died()]
    with pytest.raises(Died):
        deliver(MAIL)
    clock.advance(31)
    assert deliver(MAIL) == Postponed(WINDOW, "in doubt")
    assert (row_of(tables).send_status, row_of(tables).attempts) == ("in_doubt", 2)


def test_an_address_that_was_suppressed_meanwhile_is_not_sent_to_again(
    deliver: Deliver, mailer: FakeMailer, clock: Clock, tables: Tables, suppressions: FakeSuppressions
) -> None:
    left_in_doubt(deliver, mailer, clock, MAIL, after=WINDOW)
    suppressions.reasons = {address(0): "complaint"}
    assert deliver(MAIL) == Finished()
    assert (row_of(tables).send_status, len(mailer.calls)) == ("suppressed", 1)
    tracker_of(tables, clock).apply(sent_event("e1", "first"))
    assert row_of(tables).send_status == "sent"


def test_an_operators_resend_holds_for_one_doubt_however_often_its_message_comes(
    deliver: Deliver, mailer: FakeMailer, clock: Clock, tables: Tables
) -> None:
    left_in_doubt(deliver, mailer, clock, BULK, after=WINDOW)
    deliver(BULK)
    told = single("e1", kind="bulk", resend_of=1, resend_by="the command line")
    mailer.script = [LOST]
    assert deliver(told) == Postponed(WINDOW, "in doubt")
    assert deliver(told) == Postponed(WINDOW, "in doubt")
    clock.advance(WINDOW)
    assert deliver(told) == Finished()
    row = row_of(tables)
    assert (row.send_status, row.attempts, len(mailer.calls)) == ("in_doubt", 2, 2)
    assert [one["by"] for one in row.decisions] == ["the command line"]
