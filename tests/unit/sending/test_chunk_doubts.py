"""Recipients of a batch in doubt: evidence, the end of the window, the policy, and what comes late."""

from collections.abc import Callable, Sequence

import pytest
from fakes.clock import Clock
from fakes.sending import Died, FakeGovernor, FakeMailer, FakeSuppressions, address, chunk
from fakes.tables import again_of, kept_of, parking_of
from fakes.tracking import sent_event, tracker_of

from ems import messages
from ems.aws.ses_answers import NotNow, Refused, Unknown
from ems.sending.again import ChunkAgain
from ems.sending.chunk_doubts import ChunkDoubts
from ems.sending.deliver_chunk import ChunkDelivery, Timing
from ems.sending.doubt_policy import DoubtPolicy, PolicyName
from ems.sending.outcomes import Delivery, Finished, Postponed
from ems.sending.payloads import ChunkPayload
from ems.store.batches import BatchStore
from ems.store.doubts import Doubt, Doubts
from ems.store.models import BatchRow, TrackerRow
from ems.store.parking import Parking, Pick
from ems.store.status import Status
from ems.store.tables import Tables
from ems.store.unresolved import Unresolved, UnresolvedChunks

CHUNK = chunk(4)
LOST = Unknown("ReadTimeoutError")
WINDOW = 120
WAIT = Postponed(WINDOW, "recipients are in doubt")

Deliver = Callable[[ChunkPayload], Delivery]


@pytest.fixture
def timing() -> Timing:
    """The lease of a dead sender ends before the window of its doubts."""
    return Timing(slice_seconds=30, lease_seconds=100, call_seconds=23)


@pytest.fixture
def deliver(chunk_delivery: ChunkDelivery) -> Deliver:
    return chunk_delivery.deliver


def mail_of(tables: Tables, number: int) -> TrackerRow:
    row: TrackerRow = tables.emails.get(f"b1-{number:06d}")
    return row


def item_of(tables: Tables, number: int) -> BatchRow:
    row: BatchRow = tables.batches.get("b1", f"chunk#{number:06d}")
    return row


def counts(batches: BatchStore) -> dict[str, int]:
    progress = batches.progress("b1")
    return {**{name: n for name, n in progress.counts.items() if n}, "open": progress.started_left}


def second_round(parking: Parking) -> ChunkPayload:
    """Take the one parked chunk as the drainer would."""
    [lot] = parking.waiting().lots
    [body] = parking.bodies([Pick(lot, lot.chunks)])
    parking.leave([Pick(lot, lot.chunks)])
    assert lot.campaign_id == CHUNK.campaign_id
    return ChunkPayload.of(messages.arguments_of(body)["chunk"])


def left_in_doubt(deliver: Deliver, mailer: FakeMailer, clock: Clock, *, after: float) -> None:
    """Send it; the answers for the first two recipients are lost."""
    mailer.script = [LOST, LOST]
    assert deliver(CHUNK) == WAIT
    clock.advance(after)


def test_a_chunk_with_doubts_waits_for_the_rest_of_their_window(
    deliver: Deliver, mailer: FakeMailer, clock: Clock, tables: Tables
) -> None:
    left_in_doubt(deliver, mailer, clock, after=100)
    assert deliver(CHUNK) == Postponed(20, "recipients are in doubt")
    assert UnresolvedChunks(tables).of_chunk("b1", 0) == Unresolved("b1", 0, doubted=("b1-000000", "b1-000001"))


def test_bulk_recipients_without_evidence_are_held_and_the_payload_is_kept(
    deliver: Deliver, mailer: FakeMailer, clock: Clock, tables: Tables, batches: BatchStore
) -> None:
    left_in_doubt(deliver, mailer, clock, after=WINDOW)
    assert deliver(CHUNK) == Finished()
    assert counts(batches) == {"sent": 2, "in_doubt": 2, "open": 0}
    kept = kept_of(tables, clock)
    assert list(kept.batches()) == ["b1"]
    assert ChunkPayload.of(messages.arguments_of(kept.chunk("b1", 0) or "")["chunk"]) == CHUNK


def test_doubts_of_a_paused_batch_end_in_time_and_nothing_of_it_is_sent(
    deliver: Deliver, mailer: FakeMailer, clock: Clock, tables: Tables, batches: BatchStore, parking: Parking
) -> None:
    left_in_doubt(deliver, mailer, clock, after=5)
    calls = len(mailer.calls)
    batches.move("b1", "paused", allowed=("waiting",))
    assert deliver(CHUNK) == Postponed(WINDOW - 5, "recipients are in doubt")
    clock.advance(WINDOW - 5)
    assert deliver(CHUNK) == Finished()
    assert kept_of(tables, clock).chunk("b1", 0) is not None
    assert deliver(chunk(4, number=1)) == Finished()
    assert [lot.chunks for lot in parking.waiting().lots] == [(1,)]
    assert len(mailer.calls) == calls


def test_evidence_takes_a_recipient_out_of_doubt_and_off_the_list(
    deliver: Deliver, mailer: FakeMailer, clock: Clock, tables: Tables, batches: BatchStore
) -> None:
    left_in_doubt(deliver, mailer, clock, after=5)
    tracker_of(tables, clock).apply(sent_event("b1-000000", "first"))
    assert counts(batches) == {"sent": 3, "in_doubt": 1, "open": 0}
    assert UnresolvedChunks(tables).of_chunk("b1", 0).doubted == ("b1-000001",)


def test_an_outcome_is_not_in_doubt_of_which_an_event_has_come_before_it_was_recorded(
    deliver: Deliver, mailer: FakeMailer, clock: Clock, tables: Tables, batches: BatchStore
) -> None:
    mailer.script = [LOST, LOST]
    tracker_of(tables, clock).apply(sent_event("b1-000000", "first"))
    assert deliver(CHUNK) == WAIT
    assert counts(batches) == {"sent": 3, "in_doubt": 1, "open": 0}
    assert (mail_of(tables, 0).send_status, mail_of(tables, 0).message_id) == ("sent", "first")


def test_failures_that_may_pass_keep_their_payload_and_failures_for_good_do_not(
    deliver: Deliver, mailer: FakeMailer, clock: Clock, tables: Tables
) -> None:
    mailer.script = [Refused("MESSAGE_REJECTED: virus")]
    assert deliver(CHUNK) == Finished()
    assert kept_of(tables, clock).chunk("b1", 0) is None

    mailer.script = [Refused("TEMPLATE_NOT_FOUND: gone", may_pass=True)]
    assert deliver(chunk(4, number=1)) == Finished()
    assert kept_of(tables, clock).chunk("b1", 1) is not None
    assert UnresolvedChunks(tables).of_chunk("b1", 1) == Unresolved("b1", 1, passing=("b1-000050",))


class OvertakenDoubts(Doubts):
    """Between its reading and whatever is written upon it, evidence of the first recipient comes."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        super().__init__(tables, clock=clock)
        self._tracker = tracker_of(tables, clock)

    def read(self, email_ids: Sequence[str]) -> list[Doubt]:
        doubts = super().read(email_ids)
        self._tracker.apply(sent_event("b1-000000", "first"))
        return doubts


class TestSentAgain:
    """By a policy that sends all of them again."""

    @pytest.fixture
    def policy_name(self) -> PolicyName:
        return "resend"

    @pytest.fixture
    def again(
        self, deliver: Deliver, mailer: FakeMailer, clock: Clock, batches: BatchStore, parking: Parking
    ) -> ChunkPayload:
        left_in_doubt(deliver, mailer, clock, after=WINDOW)
        assert deliver(CHUNK) == Finished()
        assert counts(batches) == {"sent": 2, "open": 2}
        return second_round(parking)

    def test_they_go_into_a_new_chunk_and_are_counted_once(
        self, deliver: Deliver, again: ChunkPayload, tables: Tables, batches: BatchStore, mailer: FakeMailer
    ) -> None:
        assert (again.chunk, [one.index for one in again.recipients]) == (1, [0, 1])
        assert [item_of(tables, number).size for number in (0, 1)] == [2, 2]
        assert deliver(again) == Finished()
        assert counts(batches) == {"sent": 4, "open": 0}
        mail = mail_of(tables, 0)
        assert (mail.send_status, mail.attempts, mail.chunk, mail.message_id) == ("sent", 2, 1, "ses-b1-000000")
        assert [one["decision"] for one in mail.decisions] == ["resend"]
        assert [deliver(CHUNK), deliver(again)] == [Finished(), Finished()]
        assert sum(mailer.taken.values()) == 4

    def test_evidence_that_comes_before_the_call_stops_it(
        self,
        deliver: Deliver,
        again: ChunkPayload,
        tables: Tables,
        clock: Clock,
        batches: BatchStore,
        mailer: FakeMailer,
    ) -> None:
        tracker_of(tables, clock).apply(sent_event("b1-000000", "first"))
        assert deliver(again) == Finished()
        assert counts(batches) == {"sent": 4, "open": 0}
        assert mailer.taken["b1-000000"] == 0
        assert mail_of(tables, 0).message_id == "first"

    def test_evidence_of_everybody_ends_the_chunk_without_a_call(
        self,
        deliver: Deliver,
        again: ChunkPayload,
        tables: Tables,
        clock: Clock,
        batches: BatchStore,
        mailer: FakeMailer,
    ) -> None:
        for number in range(2):
            tracker_of(tables, clock).apply(sent_event(f"b1-{number:06d}", f"first-{number}"))
        assert deliver(again) == Finished()
        assert counts(batches) == {"sent": 4, "open": 0}
        assert sum(mailer.taken.values()) == 2

    def test_evidence_that_comes_during_the_call_is_on_record_beside_it(
        self,
        deliver: Deliver,
        again: ChunkPayload,
        tables: Tables,
        clock: Clock,
        batches: BatchStore,
        governor: FakeGovernor,
    ) -> None:
        governor.before_lease = lambda: tracker_of(tables, clock).apply(sent_event("b1-000000", "first"))
        assert deliver(again) == Finished()
        assert counts(batches) == {"sent": 4, "open": 0}
        assert mail_of(tables, 0).message_ids == {"first", "ses-b1-000000"}

    def test_evidence_makes_a_refusal_of_the_second_call_beside_the_point(
        self,
        deliver: Deliver,
        again: ChunkPayload,
        tables: Tables,
        clock: Clock,
        batches: BatchStore,
        governor: FakeGovernor,
        mailer: FakeMailer,
    ) -> None:
        mailer.script = [Refused("no"), Refused("no")]
        governor.before_lease = lambda: tracker_of(tables, clock).apply(sent_event("b1-000000", "first"))
        assert deliver(again) == Finished()
        assert counts(batches) == {"sent": 3, "failed": 1, "open": 0}
        tracker_of(tables, clock).apply(sent_event("b1-000001", "first too"))
        assert counts(batches) == {"sent": 4, "open": 0}

    def test_what_ses_gives_back_is_sent_later_unless_evidence_comes_meanwhile(
        self,
        deliver: Deliver,
        again: ChunkPayload,
        tables: Tables,
        clock: Clock,
        batches: BatchStore,
        mailer: FakeMailer,
    ) -> None:
        mailer.script = [NotNow("quota", "tomorrow"), NotNow("quota", "tomorrow")]
        assert isinstance(deliver(again), Postponed)
        tracker_of(tables, clock).apply(sent_event("b1-000001", "first"))
        assert deliver(again) == Finished()
        assert counts(batches) == {"sent": 4, "open": 0}
        assert (mailer.taken["b1-000000"], mailer.taken["b1-000001"]) == (1, 0)

    def test_a_second_doubt_has_a_window_and_a_third_round(
        self,
        deliver: Deliver,
        again: ChunkPayload,
        clock: Clock,
        batches: BatchStore,
        parking: Parking,
        mailer: FakeMailer,
        tables: Tables,
    ) -> None:
        mailer.script = [LOST]
        assert deliver(again) == WAIT
        clock.advance(WINDOW)
        assert deliver(again) == Finished()
        third = second_round(parking)
        assert (third.chunk, [one.index for one in third.recipients]) == (2, [0])
        assert deliver(third) == Finished()
        assert counts(batches) == {"sent": 4, "open": 0}
        assert mail_of(tables, 0).attempts == 3

    def test_a_sender_that_dies_in_the_second_call_leaves_doubts_again(
        self, deliver: Deliver, again: ChunkPayload, clock: Clock, batches: BatchStore, mailer: FakeMailer
    ) -> None:
        mailer.script = [Died()]
        with pytest.raises(Died):
            deliver(again)
        clock.advance(101)
        assert deliver(again) == WAIT
        assert counts(batches) == {"sent": 2, "in_doubt": 2, "open": 0}

    def test_of_a_batch_that_is_cancelled_meanwhile_they_are_in_doubt_again_and_held(
        self,
        deliver: Deliver,
        again: ChunkPayload,
        batches: BatchStore,
        tables: Tables,
        mailer: FakeMailer,
    ) -> None:
        calls = len(mailer.calls)
        batches.move("b1", "cancelled", allowed=("waiting",))
        assert not batches.cancel_chunk("b1", again.chunk, 2)
        assert deliver(again) == Postponed(0, "the batch is cancelled")
        assert deliver(again) == Finished()
        assert counts(batches) == {"sent": 2, "in_doubt": 2, "open": 0}
        assert (mail_of(tables, 0).reason, mail_of(tables, 0).attempts) == ("ReadTimeoutError", 1)
        assert len(mailer.calls) == calls

    def test_a_suppressed_one_is_not_sent_to_and_evidence_still_counts(
        self,
        deliver: Deliver,
        again: ChunkPayload,
        clock: Clock,
        batches: BatchStore,
        tables: Tables,
        suppressions: FakeSuppressions,
    ) -> None:
        suppressions.reasons = {address(0): "complaint"}
        assert deliver(again) == Finished()
        assert counts(batches) == {"sent": 3, "suppressed": 1, "open": 0}
        tracker_of(tables, clock).apply(sent_event("b1-000000", "first"))
        assert counts(batches) == {"sent": 4, "open": 0}

    def test_whoever_is_given_up_is_not_sent_to_again_but_held(
        self, chunk_delivery: ChunkDelivery, mailer: FakeMailer, clock: Clock, tables: Tables, batches: BatchStore
    ) -> None:
        left_in_doubt(chunk_delivery.deliver, mailer, clock, after=5)
        assert chunk_delivery.give_up(CHUNK, reason="dropped") == Postponed(WINDOW - 5, "recipients are in doubt")
        clock.advance(WINDOW - 5)
        assert chunk_delivery.give_up(CHUNK, reason="dropped") == Finished()
        assert counts(batches) == {"sent": 2, "in_doubt": 2, "open": 0}
        assert kept_of(tables, clock).chunk("b1", 0) is not None

    def test_whoever_is_given_up_before_the_second_call_is_in_doubt_as_before(
        self, chunk_delivery: ChunkDelivery, again: ChunkPayload, clock: Clock, tables: Tables, batches: BatchStore
    ) -> None:
        assert chunk_delivery.give_up(again, reason="dropped") == Finished()
        assert counts(batches) == {"sent": 2, "in_doubt": 2, "open": 0}
        assert kept_of(tables, clock).chunk("b1", again.chunk) is not None
        assert chunk_delivery.give_up(CHUNK, reason="dropped") == Finished()
        assert counts(batches) == {"sent": 2, "in_doubt": 2, "open": 0}

    def test_events_at_the_very_moment_of_the_decision_win_or_lose_whole(
        self, deliver: Deliver, mailer: FakeMailer, clock: Clock, tables: Tables, batches: BatchStore
    ) -> None:
        left_in_doubt(deliver, mailer, clock, after=WINDOW)
        overtaken = ChunkDoubts(
            unresolved=UnresolvedChunks(tables),
            doubts=OvertakenDoubts(tables, clock),
            again=ChunkAgain(again_of(tables, clock)),
            kept=kept_of(tables, clock),
            policy=DoubtPolicy(WINDOW, "resend"),
            clock=clock,
        )
        assert overtaken.conclude(CHUNK, may_resend=True) == Postponed(1, "a doubt has changed meanwhile")
        assert counts(batches) == {"sent": 3, "in_doubt": 1, "open": 0}
        assert parking_of(tables, clock).waiting().lots == ()
        assert item_of(tables, 0).doubted == {"b1-000001"}
        assert mail_of(tables, 1).send_status == Status.IN_DOUBT
