"""Delivering a single mail."""

import pytest
from fakes.clock import Clock
from fakes.sending import LINKS, Died, FakeGovernor, FakeMailer, FakeSuppressions, Heard, address, single

from ems.aws.ses_answers import NotNow, Outcome, Pause, Refused, Unknown
from ems.errors import UnavailableError
from ems.governor.errors import (
    ClockSkewError,
    GovernorUnavailableError,
    LeaseError,
    NotBeforeError,
    QuotaExhaustedError,
    SendingPausedError,
    StoppedError,
)
from ems.links import UnsubscribeLink
from ems.sending.deliver_email import EmailDelivery
from ems.sending.outcomes import PAUSE_SECONDS, Delivery, Finished, Postponed
from ems.store.models import TrackerRow
from ems.store.singles import SingleRow, Singles
from ems.store.tables import Tables

MAIL = single("e1")
WINDOW = 120


@pytest.fixture
def delivery(email_delivery: EmailDelivery) -> EmailDelivery:
    return email_delivery


@pytest.fixture
def row(tables: Tables) -> TrackerRow:
    """The mail's row; ``row.refresh()`` reads it."""
    return tables.emails("e1")


def seconds(delivery: Delivery) -> int:
    assert isinstance(delivery, Postponed)
    return delivery.delay_seconds


def test_a_mail_is_sent_once_with_a_lease_of_its_recipients_in_its_lane(
    delivery: EmailDelivery, mailer: FakeMailer, governor: FakeGovernor, row: TrackerRow
) -> None:
    assert delivery.deliver(single("e1", cc=(address(1),), bcc=(address(2),))) == Finished()

    row.refresh(consistent_read=True)
    assert (row.send_status, row.message_id, row.attempts) == ("sent", "ses-e1", 1)
    assert governor.leases == [(3, "transactional")]
    assert mailer.templates[0].configuration_set == "ems"


def test_a_single_mail_of_a_bulk_campaign_goes_in_the_bulk_lane(
    delivery: EmailDelivery, governor: FakeGovernor
) -> None:
    delivery.deliver(single("e1", kind="bulk"))
    assert governor.leases == [(1, "bulk")]


def test_a_single_mail_of_a_bulk_campaign_names_its_main_recipient_in_its_link(
    delivery: EmailDelivery, mailer: FakeMailer
) -> None:
    delivery.deliver(single("e1", kind="bulk", cc=(address(1),)))
    [[mail]] = mailer.calls
    assert LINKS.read(str(mail.unsubscribe_url).rpartition("/")[2]) == UnsubscribeLink("e1", "welcome", address(0))


def test_a_transactional_mail_has_no_link(delivery: EmailDelivery, mailer: FakeMailer) -> None:
    delivery.deliver(MAIL)
    assert mailer.calls[0][0].unsubscribe_url is None


def test_the_same_message_again_sends_nothing(delivery: EmailDelivery, mailer: FakeMailer) -> None:
    delivery.deliver(MAIL)
    assert delivery.deliver(MAIL) == Finished()
    assert mailer.taken == {"e1": 1}


def test_a_message_without_an_accepted_mail_is_dropped(delivery: EmailDelivery, mailer: FakeMailer) -> None:
    assert delivery.deliver(single("e2")) == Finished()
    assert mailer.calls == []


def test_a_refused_mail_has_failed_and_keeps_the_reason(
    delivery: EmailDelivery, mailer: FakeMailer, row: TrackerRow
) -> None:
    mailer.script = [Refused("MessageRejected: no")]
    assert delivery.deliver(MAIL) == Finished()
    row.refresh()
    assert (row.send_status, row.reason, row.message_id) == ("failed", "MessageRejected: no", None)


def test_a_mail_of_unknown_outcome_is_in_doubt_and_not_sent_again(
    delivery: EmailDelivery, mailer: FakeMailer, row: TrackerRow
) -> None:
    mailer.script = [Unknown("ReadTimeoutError")]
    assert seconds(delivery.deliver(MAIL)) == WINDOW
    assert seconds(delivery.deliver(MAIL)) == WINDOW
    row.refresh()
    assert (row.send_status, len(mailer.calls)) == ("in_doubt", 1)


@pytest.mark.parametrize("why", PAUSE_SECONDS)
def test_what_ses_does_not_take_now_waits_without_spending_an_attempt(
    delivery: EmailDelivery, mailer: FakeMailer, governor: FakeGovernor, row: TrackerRow, why: Pause
) -> None:
    mailer.script = [NotNow(why, "later")]
    assert seconds(delivery.deliver(MAIL)) == PAUSE_SECONDS[why]
    row.refresh()
    assert (row.send_status, row.attempts) == ("queued", 0)
    assert governor.throttles == (1 if why == "throttled" else 0)

    assert delivery.deliver(MAIL) == Finished()
    assert mailer.taken == {"e1": 1}


@pytest.mark.parametrize(("answer", "status"), [(None, "sent"), (Refused("no"), "failed"), (Unknown("?"), "in_doubt")])
def test_what_became_of_the_mail_is_told_once_it_is_recorded(
    delivery: EmailDelivery, mailer: FakeMailer, heard: Heard, answer: Outcome | None, status: str
) -> None:
    mailer.script = [NotNow("throttled", "slow"), answer]
    for _ in range(3):
        delivery.deliver(MAIL)
    assert heard.settled_mails == {("transactional", status): 1}


def test_a_suppressed_mail_and_one_whose_sender_died_are_told_as_well(
    delivery: EmailDelivery, singles: Singles, suppressions: FakeSuppressions, heard: Heard, clock: Clock
) -> None:
    singles.claim("e1", owner="dead", lease_seconds=10)
    clock.advance(11)
    delivery.deliver(MAIL)
    assert heard.settled_mails == {("transactional", "in_doubt"): 1}
    singles.create(SingleRow("e2", "welcome", "transactional", address(0), "print"))
    suppressions.reasons = {address(0): "bounce"}
    delivery.deliver(single("e2"))
    assert heard.settled_mails["transactional", "suppressed"] == 1


def test_a_mail_that_misses_its_slot_is_queued_again_at_once(
    delivery: EmailDelivery, mailer: FakeMailer, governor: FakeGovernor, row: TrackerRow
) -> None:
    governor.missed = [True]
    assert seconds(delivery.deliver(MAIL)) == 0
    row.refresh()
    assert (row.send_status, row.attempts, mailer.calls) == ("queued", 0, [])
    assert delivery.deliver(MAIL) == Finished()
    assert mailer.taken == {"e1": 1}


@pytest.mark.parametrize(
    ("refusal", "wait"),
    [
        (StoppedError("bye"), 0),
        (NotBeforeError("booked", until=1_800_000_002.5), 2),
        (NotBeforeError("booked", until=1_799_999_999.0), 1),
        (QuotaExhaustedError("used", until=1_800_003_600.0), 60),
        (SendingPausedError("paused", until=1_800_000_030.0), 30),
        (GovernorUnavailableError("the governor", "down"), 10),
        (ClockSkewError("the clock", "off"), 10),
    ],
)
def test_a_mail_without_a_lease_stays_queued_in_nobodys_hands(
    delivery: EmailDelivery,
    mailer: FakeMailer,
    governor: FakeGovernor,
    row: TrackerRow,
    refusal: LeaseError,
    wait: int,
) -> None:
    governor.refusals = [refusal]
    assert seconds(delivery.deliver(MAIL)) == wait
    row.refresh()
    assert (row.send_status, row.lease_owner, mailer.calls) == ("queued", None, [])


def test_a_suppressed_mail_is_not_sent_and_asks_for_no_lease(
    delivery: EmailDelivery,
    suppressions: FakeSuppressions,
    governor: FakeGovernor,
    mailer: FakeMailer,
    row: TrackerRow,
) -> None:
    suppressions.reasons = {address(0): "bounce"}
    assert delivery.deliver(single("e1", to=address(0).upper())) == Finished()
    row.refresh()
    assert (row.send_status, row.reason) == ("suppressed", "bounce")
    assert (governor.leases, mailer.calls) == ([], [])


def test_suppressed_copies_are_left_out(
    delivery: EmailDelivery, suppressions: FakeSuppressions, governor: FakeGovernor, mailer: FakeMailer
) -> None:
    suppressions.reasons = {address(1): "bounce", address(3): "manual"}
    delivery.deliver(single("e1", cc=(address(1), address(2)), bcc=(address(3),)))
    assert (mailer.calls[0][0].cc, mailer.calls[0][0].bcc) == ((address(2),), ())
    assert governor.leases == [(2, "transactional")]


def died_in_the_call(delivery: EmailDelivery, mailer: FakeMailer) -> None:
    mailer.script = [Died()]
    with pytest.raises(Died):
        delivery.deliver(MAIL)


def test_a_mail_in_another_senders_hands_is_left_to_it(
    delivery: EmailDelivery, singles: Singles, mailer: FakeMailer
) -> None:
    singles.claim("e1", owner="other", lease_seconds=30)
    assert seconds(delivery.deliver(MAIL)) == 31
    assert mailer.calls == []


def test_a_mail_whose_sender_died_in_the_call_is_in_doubt_once_its_lease_is_over(
    delivery: EmailDelivery, mailer: FakeMailer, clock: Clock, row: TrackerRow
) -> None:
    died_in_the_call(delivery, mailer)
    clock.advance(seconds(delivery.deliver(MAIL)))
    assert seconds(delivery.deliver(MAIL)) == WINDOW
    row.refresh()
    assert (row.send_status, len(mailer.calls)) == ("in_doubt", 1)


def test_a_mail_whose_sender_died_is_in_doubt_although_its_address_was_suppressed_since(
    delivery: EmailDelivery, mailer: FakeMailer, clock: Clock, row: TrackerRow, suppressions: FakeSuppressions
) -> None:
    died_in_the_call(delivery, mailer)
    suppressions.reasons = {address(0): "bounce"}
    clock.advance(seconds(delivery.deliver(MAIL)))
    assert seconds(delivery.deliver(MAIL)) == WINDOW
    row.refresh()
    assert row.send_status == "in_doubt"


def test_an_outage_before_the_claim_leaves_the_mail_queued(
    delivery: EmailDelivery, tables: Tables, mailer: FakeMailer
) -> None:
    tables.emails.delete_table()
    with pytest.raises(UnavailableError, match="DynamoDB"):
        delivery.deliver(MAIL)
    assert mailer.calls == []


def test_a_mail_that_is_given_up_ends_as_failed_and_is_never_sent(
    delivery: EmailDelivery, mailer: FakeMailer, row: TrackerRow
) -> None:
    assert delivery.give_up(MAIL, reason="dropped") == Finished()
    row.refresh(consistent_read=True)
    assert (row.send_status, row.reason) == ("failed", "dropped")
    assert delivery.deliver(MAIL) == Finished()
    assert mailer.taken == {}


def test_giving_up_a_mail_that_was_sent_changes_nothing(delivery: EmailDelivery, row: TrackerRow) -> None:
    delivery.deliver(MAIL)
    assert delivery.give_up(MAIL, reason="dropped") == Finished()
    row.refresh(consistent_read=True)
    assert (row.send_status, row.reason) == ("sent", None)


def test_giving_up_a_mail_waits_for_its_sender_and_leaves_in_doubt_what_a_dead_one_had(
    delivery: EmailDelivery, mailer: FakeMailer, row: TrackerRow, clock: Clock
) -> None:
    mailer.script = [Died()]
    with pytest.raises(Died):
        delivery.deliver(MAIL)
    clock.advance(seconds(delivery.give_up(MAIL, reason="dropped")))
    clock.advance(seconds(delivery.give_up(MAIL, reason="dropped")))  # an event may still tell
    assert delivery.give_up(MAIL, reason="dropped") == Finished()
    row.refresh(consistent_read=True)
    assert row.send_status == "in_doubt"
