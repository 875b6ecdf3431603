"""Delivering a chunk, call by call."""

from collections import Counter

import pytest
from fakes.clock import Clock
from fakes.sending import LINKS, Died, FakeGovernor, FakeMailer, FakeSuppressions, Heard, address, batch, chunk

from ems.aws.ses_answers import NotNow, Pause, Refused, Unknown
from ems.governor.errors import GovernorUnavailableError, QuotaExhaustedError, StoppedError
from ems.links import UnsubscribeLink
from ems.sending.deliver_chunk import ChunkDelivery
from ems.sending.outcomes import PAUSE_SECONDS, Delivery, Finished, Postponed
from ems.store.batches import BatchStore
from ems.store.chunk_state import ChunkState
from ems.store.ledger import Ledger
from ems.store.parking import Parking, Pick
from ems.store.senders import process_name, process_of
from ems.store.tables import Tables

CHUNK = chunk(4)
WINDOW = 120


@pytest.fixture
def delivery(chunk_delivery: ChunkDelivery) -> ChunkDelivery:
    return chunk_delivery


def seconds(delivery: Delivery) -> int:
    assert isinstance(delivery, Postponed)
    return delivery.delay_seconds


def statuses(tables: Tables) -> dict[int, str]:
    return {int(row.email_id[-6:]): row.send_status for row in tables.emails.scan()}


def counts(batches: BatchStore) -> dict[str, int]:
    progress = batches.progress("b1")
    return {**{name: n for name, n in progress.counts.items() if n}, "open": progress.started_left}


def sizes(mailer: FakeMailer) -> list[int]:
    return [len(call) for call in mailer.calls]


def test_a_chunk_goes_out_in_calls_of_the_governors_size(
    delivery: ChunkDelivery, mailer: FakeMailer, governor: FakeGovernor, tables: Tables, batches: BatchStore
) -> None:
    governor.size = 3
    assert delivery.deliver(CHUNK) == Finished()
    assert sizes(mailer) == [3, 1]
    assert governor.leases == [(3, "bulk"), (1, "bulk")]
    assert statuses(tables) == dict.fromkeys(range(4), "sent")
    assert tables.emails.get("b1-000002").message_id == "ses-b1-000002"
    assert counts(batches) == {"sent": 4, "open": 0}


def test_each_recipient_has_a_link_of_their_own(delivery: ChunkDelivery, mailer: FakeMailer) -> None:
    delivery.deliver(CHUNK)
    links = [LINKS.read(str(mail.unsubscribe_url).rpartition("/")[2]) for call in mailer.calls for mail in call]
    assert links == [UnsubscribeLink(f"b1-{n:06d}", "welcome", address(n)) for n in range(4)]


def test_the_same_message_again_sends_nothing(delivery: ChunkDelivery, mailer: FakeMailer) -> None:
    delivery.deliver(CHUNK)
    assert delivery.deliver(CHUNK) == Finished()
    assert sum(sizes(mailer)) == 4


def test_every_mail_of_a_mixed_answer_has_its_own_outcome(
    delivery: ChunkDelivery, mailer: FakeMailer, governor: FakeGovernor, tables: Tables, batches: BatchStore
) -> None:
    governor.size = 4
    mailer.script = [None, Refused("no"), Unknown("?"), NotNow("throttled", "slow")]
    assert seconds(delivery.deliver(CHUNK)) == WINDOW
    assert statuses(tables) == {0: "sent", 1: "failed", 2: "in_doubt", 3: "sent"}
    assert sizes(mailer) == [4, 1]
    assert counts(batches) == {"sent": 2, "failed": 1, "in_doubt": 1, "open": 0}
    assert governor.throttles == 1
    assert tables.emails.get("b1-000001").reason == "no"


def test_what_became_of_each_recipient_is_told_once_it_is_recorded(
    delivery: ChunkDelivery, mailer: FakeMailer, suppressions: FakeSuppressions, heard: Heard
) -> None:
    suppressions.reasons = {address(0): "bounce"}
    mailer.script = [Refused("no"), Unknown("?")]
    delivery.deliver(CHUNK)
    delivery.deliver(CHUNK)
    by_status = {"suppressed": 1, "failed": 1, "in_doubt": 1, "sent": 1}
    assert heard.settled_mails == {("bulk", status): number for status, number in by_status.items()}


@pytest.mark.parametrize("why", [why for why in PAUSE_SECONDS if why not in {"throttled", "late"}])
def test_a_pause_hands_the_rest_back_for_as_long(
    delivery: ChunkDelivery, mailer: FakeMailer, batches: BatchStore, why: Pause
) -> None:
    mailer.script = [None, NotNow(why, "later")]
    assert seconds(delivery.deliver(CHUNK)) == PAUSE_SECONDS[why]
    assert counts(batches) == {"sent": 1, "open": 3}

    assert delivery.deliver(CHUNK) == Finished()
    assert set(mailer.taken.values()) == {1}
    assert counts(batches) == {"sent": 4, "open": 0}


def test_a_missed_slot_is_leased_anew_without_telling_anybody_to_slow_down(
    delivery: ChunkDelivery, mailer: FakeMailer, governor: FakeGovernor
) -> None:
    mailer.script = [NotNow("late", "missed")] * 2
    assert delivery.deliver(CHUNK) == Finished()
    assert (governor.throttles, len(governor.leases)) == (0, 3)
    assert mailer.taken == Counter({f"b1-{i:06d}": 1 for i in range(4)})


def test_a_throttled_chunk_goes_on_at_the_governors_pace(
    delivery: ChunkDelivery, mailer: FakeMailer, governor: FakeGovernor
) -> None:
    mailer.script = [NotNow("throttled", "slow")] * 6
    assert delivery.deliver(CHUNK) == Finished()
    assert governor.throttles == 3
    assert mailer.taken == Counter({f"b1-{i:06d}": 1 for i in range(4)})


@pytest.mark.parametrize(
    ("refusal", "wait"), [(StoppedError("bye"), 0), (QuotaExhaustedError("used", until=1_800_003_600.0), 60)]
)
def test_without_a_lease_the_chunk_is_handed_back_at_once_and_free(
    delivery: ChunkDelivery, mailer: FakeMailer, governor: FakeGovernor, refusal: Exception, wait: int
) -> None:
    governor.refusals = [refusal]
    assert seconds(delivery.deliver(CHUNK)) == wait
    assert mailer.calls == []
    assert delivery.deliver(CHUNK) == Finished()


def test_a_governor_out_of_reach_holds_nothing(
    delivery: ChunkDelivery, governor: FakeGovernor, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down() -> int:
        raise GovernorUnavailableError("the governor", "down")

    monkeypatch.setattr(governor, "call_size", down)
    with pytest.raises(GovernorUnavailableError):
        delivery.deliver(CHUNK)
    assert isinstance(ledger.claim(CHUNK.key(), owner="other", lease_seconds=9), ChunkState)


def test_suppressed_recipients_are_left_out(
    delivery: ChunkDelivery, mailer: FakeMailer, suppressions: FakeSuppressions, tables: Tables, batches: BatchStore
) -> None:
    suppressions.reasons = {address(0): "bounce", address(2): "unsubscribe"}
    assert delivery.deliver(CHUNK) == Finished()
    assert statuses(tables) == {0: "suppressed", 1: "sent", 2: "suppressed", 3: "sent"}
    assert tables.emails.get("b1-000002").reason == "unsubscribe"
    assert counts(batches) == {"sent": 2, "suppressed": 2, "open": 0}
    assert sizes(mailer) == [2]


def test_a_chunk_of_suppressed_recipients_is_done_without_a_call(
    delivery: ChunkDelivery, mailer: FakeMailer, suppressions: FakeSuppressions, governor: FakeGovernor
) -> None:
    suppressions.reasons = {address(i): "bounce" for i in range(4)}
    assert delivery.deliver(CHUNK) == Finished()
    assert (mailer.calls, governor.leases) == ([], [])


def test_a_slice_of_time_ends_with_the_rest_handed_in_again(
    delivery: ChunkDelivery, governor: FakeGovernor, clock: Clock, batches: BatchStore
) -> None:
    governor.size = 1
    governor.before_lease = lambda: clock.advance(20)
    assert seconds(delivery.deliver(CHUNK)) == 0
    assert counts(batches) == {"sent": 2, "open": 2}


def test_a_process_that_stalled_near_the_end_of_its_lease_makes_no_call(
    delivery: ChunkDelivery, governor: FakeGovernor, mailer: FakeMailer, clock: Clock, batches: BatchStore
) -> None:
    governor.before_lease = lambda: clock.advance(100)
    assert seconds(delivery.deliver(CHUNK)) == 0
    assert mailer.calls == []
    governor.before_lease = lambda: None
    assert delivery.deliver(CHUNK) == Finished()
    assert counts(batches) == {"sent": 4, "open": 0}


def test_a_chunk_in_another_senders_hands_waits_for_its_lease(
    delivery: ChunkDelivery, ledger: Ledger, mailer: FakeMailer
) -> None:
    ledger.claim(CHUNK.key(), owner="other", lease_seconds=60)
    assert seconds(delivery.deliver(CHUNK)) == 61
    assert mailer.calls == []


def test_a_sender_that_lost_the_chunk_sends_no_more_and_keeps_a_copy(
    delivery: ChunkDelivery, ledger: Ledger, governor: FakeGovernor, mailer: FakeMailer, clock: Clock
) -> None:
    def taken_over() -> None:
        clock.advance(121)
        ledger.claim(CHUNK.key(), owner="other", lease_seconds=60)

    governor.before_lease = taken_over
    assert seconds(delivery.deliver(CHUNK)) == 120
    assert mailer.calls == []


def died_in_the_first_call(delivery: ChunkDelivery, mailer: FakeMailer, clock: Clock) -> None:
    mailer.script = [Died()]
    with pytest.raises(Died):
        delivery.deliver(CHUNK)
    clock.advance(121)


def test_what_a_dead_sender_had_under_way_is_in_doubt_and_the_rest_is_sent(
    delivery: ChunkDelivery, mailer: FakeMailer, clock: Clock, tables: Tables, batches: BatchStore
) -> None:
    died_in_the_first_call(delivery, mailer, clock)
    assert seconds(delivery.deliver(CHUNK)) == WINDOW
    assert statuses(tables) == {0: "in_doubt", 1: "in_doubt", 2: "sent", 3: "sent"}
    assert counts(batches) == {"sent": 2, "in_doubt": 2, "open": 0}


def test_an_event_that_came_meanwhile_settles_a_dead_senders_doubt(
    delivery: ChunkDelivery, mailer: FakeMailer, clock: Clock, tables: Tables, batches: BatchStore
) -> None:
    died_in_the_first_call(delivery, mailer, clock)
    tables.emails("b1-000001", event_status="delivered").save()
    assert seconds(delivery.deliver(CHUNK)) == WINDOW
    assert statuses(tables)[1] == "sent"
    assert counts(batches) == {"sent": 3, "in_doubt": 1, "open": 0}


@pytest.mark.parametrize("state", ["abandoned", None])
def test_a_chunk_of_a_batch_that_was_never_accepted_is_dropped(
    delivery: ChunkDelivery, batches: BatchStore, mailer: FakeMailer, state: str | None
) -> None:
    if state is not None:
        batches.create(batch("b2", state=state))
    assert delivery.deliver(chunk(batch_id="b2")) == Finished()
    assert mailer.calls == []


def test_a_chunk_tells_which_process_has_it(
    delivery: ChunkDelivery, batches: BatchStore, governor: FakeGovernor
) -> None:
    owners: list[str | None] = []
    governor.before_lease = lambda: owners.append(batches.chunks([("b1", 0)])["b1", 0].owner)
    delivery.deliver(CHUNK)
    assert {process_of(owner or "") for owner in owners} == {process_name()}


def test_a_chunk_of_a_batch_that_is_being_accepted_waits(delivery: ChunkDelivery, batches: BatchStore) -> None:
    batches.create(batch("b2", state="accepting"))
    assert seconds(delivery.deliver(chunk(batch_id="b2"))) == 5


@pytest.mark.parametrize("changes", [{"state": "paused"}, {"send_at": 1_800_000_010.0}])
def test_a_chunk_of_a_batch_that_must_wait_is_parked(
    delivery: ChunkDelivery, batches: BatchStore, parking: Parking, mailer: FakeMailer, changes: dict[str, object]
) -> None:
    batches.create(batch("b2", **changes))
    held = chunk(batch_id="b2")
    assert delivery.deliver(held) == Finished()
    assert mailer.calls == []
    [lot] = parking.waiting().lots
    assert (lot.batch_id, lot.campaign_id, lot.chunks) == ("b2", "welcome", (0,))
    assert parking.bodies([Pick(lot, (0,))]) != []


def test_a_scheduled_batch_is_sent_when_it_is_due(delivery: ChunkDelivery, batches: BatchStore, clock: Clock) -> None:
    batches.create(batch("b2", send_at=clock() + 10))
    clock.advance(10)
    assert delivery.deliver(chunk(batch_id="b2")) == Finished()
    assert batches.progress("b2").counts["sent"] == 4


def test_a_chunk_of_a_cancelled_batch_is_counted_as_cancelled(
    delivery: ChunkDelivery, batches: BatchStore, mailer: FakeMailer
) -> None:
    batches.move("b1", "cancelled", allowed=("waiting",))
    assert delivery.deliver(CHUNK) == Finished()
    assert (mailer.calls, counts(batches)) == ([], {"cancelled": 4, "open": 0})


def test_a_cancelled_chunk_that_a_dead_sender_left_is_settled_before_the_rest_is_cancelled(
    delivery: ChunkDelivery, batches: BatchStore, mailer: FakeMailer, clock: Clock
) -> None:
    died_in_the_first_call(delivery, mailer, clock)
    batches.move("b1", "cancelled", allowed=("waiting",))

    assert seconds(delivery.deliver(CHUNK)) == 0
    assert seconds(delivery.deliver(CHUNK)) == WINDOW
    assert (len(mailer.calls), counts(batches)) == (1, {"in_doubt": 2, "cancelled": 2, "open": 0})


def test_a_cancelled_chunk_in_another_senders_hands_waits_for_it(
    delivery: ChunkDelivery, batches: BatchStore, ledger: Ledger
) -> None:
    ledger.claim(CHUNK.key(), owner="other", lease_seconds=60)
    batches.move("b1", "cancelled", allowed=("waiting",))
    assert seconds(delivery.deliver(CHUNK)) == 61


def test_what_is_left_of_a_chunk_that_is_given_up_ends_as_failed_and_is_never_sent(
    delivery: ChunkDelivery, mailer: FakeMailer, governor: FakeGovernor, tables: Tables, batches: BatchStore
) -> None:
    governor.refusals = [StoppedError()]
    delivery.deliver(CHUNK)
    assert delivery.give_up(CHUNK, reason="dropped") == Finished()
    assert statuses(tables) == dict.fromkeys(range(4), "failed")
    assert {row.reason for row in tables.emails.scan()} == {"dropped"}
    assert counts(batches) == {"failed": 4, "open": 0}
    assert delivery.deliver(CHUNK) == Finished()
    assert delivery.give_up(CHUNK, reason="dropped") == Finished()
    assert mailer.taken == {}


def test_giving_up_a_chunk_waits_for_its_sender_and_leaves_in_doubt_what_a_dead_one_had(
    delivery: ChunkDelivery, mailer: FakeMailer, batches: BatchStore, clock: Clock
) -> None:
    mailer.script = [None, None, Died()]
    with pytest.raises(Died):
        delivery.deliver(CHUNK)
    clock.advance(seconds(delivery.give_up(CHUNK, reason="dropped")))
    clock.advance(seconds(delivery.give_up(CHUNK, reason="dropped")))  # an event may still tell
    assert delivery.give_up(CHUNK, reason="dropped") == Finished()
    assert counts(batches) == {"sent": 2, "in_doubt": 2, "open": 0}


@pytest.mark.parametrize(("state", "ends"), [("abandoned", {}), ("cancelled", {"cancelled": 4})])
def test_giving_up_a_chunk_of_a_batch_that_is_no_more_fails_nobody(
    delivery: ChunkDelivery, batches: BatchStore, state: str, ends: dict[str, int]
) -> None:
    batches.move("b1", state, allowed=["waiting"])
    assert delivery.give_up(CHUNK, reason="dropped") == Finished()
    assert counts(batches) == {**ends, "open": 0}


def test_a_chunk_of_a_paused_batch_can_be_given_up(
    delivery: ChunkDelivery, batches: BatchStore, parking: Parking
) -> None:
    batches.move("b1", "paused", allowed=["waiting"])
    assert delivery.give_up(CHUNK, reason="dropped") == Finished()
    assert counts(batches) == {"failed": 4, "open": 0}
    assert parking.waiting().lots == ()


def test_a_chunk_of_a_batch_that_is_still_being_accepted_is_not_given_up(
    delivery: ChunkDelivery, batches: BatchStore
) -> None:
    batches.move("b1", "accepting", allowed=["waiting"])
    assert seconds(delivery.give_up(CHUNK, reason="dropped")) > 0
