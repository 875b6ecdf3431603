"""What counts as lying before the senders, when senders die."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from fakes.clock import Clock
from fakes.queues import VISIBILITY_SECONDS, MemorySqs
from fakes.release import FakeSenders, put
from fakes.sending import batch, single
from hypothesis import given
from hypothesis import strategies as st

from ems import queues
from ems.sending.unsent import DEAD_SECONDS, STILL_SECONDS, Unsent
from ems.store.batches import Batch, BatchStore, ChunkProgress
from ems.store.drain import Released
from ems.store.ledger import ChunkKey, ChunkState, Ledger

KEY = ChunkKey("b1", 0, "welcome", "bulk", 50)
LEASE_SECONDS = 120.0

DIES_AFTER = queues.MAX_RECEIVES * VISIBILITY_SECONDS
"""No message can be in the dead-letter queue before."""


@dataclass
class Unheard:
    """A batch of which no chunk was ever taken."""

    def get_many(self, batch_ids: Iterable[str]) -> dict[str, Batch]:
        return {batch_id: batch(batch_id) for batch_id in batch_ids}

    def chunks(self, keys: Sequence[tuple[str, int]]) -> dict[tuple[str, int], ChunkProgress]:
        del keys
        return {}


def unsent_of(batches: Any, sqs: MemorySqs, clock: Clock, senders: FakeSenders | None = None) -> Unsent:
    return Unsent(batches, senders or FakeSenders(), sqs, visibility_seconds=VISIBILITY_SECONDS, clock=clock)


@pytest.fixture
def senders() -> FakeSenders:
    return FakeSenders()


@pytest.fixture
def count(batches: BatchStore, senders: FakeSenders, sqs: MemorySqs, clock: Clock) -> Callable[[], int]:
    batches.create(batch(total=50))
    put(sqs, 1, queue=queues.TRIGGER)
    unsent = unsent_of(batches, sqs, clock, senders)
    released = [Released("b1", 0, 50, clock())]

    def count() -> int:
        left, recipients = unsent.count(released, parked=())
        assert left == released, "it is still to come"
        return recipients

    return count


def claim(ledger: Ledger, owner: str) -> None:
    assert isinstance(ledger.claim(KEY, owner=owner, lease_seconds=LEASE_SECONDS), ChunkState)


def test_what_a_dead_sender_has_in_hand_lies_before_nobody(
    count: Callable[[], int], ledger: Ledger, senders: FakeSenders, clock: Clock
) -> None:
    senders.reported = {"mail-1-7": clock()}
    claim(ledger, "mail-1-7/x")
    assert count() == 50
    clock.advance(DEAD_SECONDS + 1)
    assert count() == 0


def test_it_counts_again_in_the_hands_of_the_next_sender(
    count: Callable[[], int], ledger: Ledger, senders: FakeSenders, clock: Clock
) -> None:
    claim(ledger, "mail-1-7/x")
    clock.advance(LEASE_SECONDS + 1)
    assert count() == 0
    claim(ledger, "mail-2-9/y")
    senders.reported = {"mail-2-9": clock()}
    assert count() == 50


def test_a_chunk_that_waits_long_for_its_slot_in_the_hands_of_a_living_sender_counts(
    count: Callable[[], int], ledger: Ledger, senders: FakeSenders, clock: Clock
) -> None:
    claim(ledger, "mail-1-7/x")
    clock.advance(LEASE_SECONDS - 1)
    senders.reported = {"mail-1-7": clock()}
    assert count() == 50


@pytest.mark.parametrize("owner", ["mail-1-7", "5d3a"])
def test_a_sender_that_does_not_say_which_process_it_is_is_taken_to_live_until_its_lease_ends(
    count: Callable[[], int], ledger: Ledger, clock: Clock, owner: str
) -> None:
    claim(ledger, owner)
    clock.advance(LEASE_SECONDS - 1)
    assert count() == 50
    clock.advance(2)
    assert count() == 0


def test_a_chunk_that_waits_for_a_sender_counts_however_long_it_waits(
    count: Callable[[], int], ledger: Ledger, clock: Clock
) -> None:
    clock.advance(1_000)
    assert count() == 50
    claim(ledger, "mail-1-7/x")
    ledger.release(KEY, ChunkState(tuple(range(20)), ()), owner="mail-1-7/x")
    clock.advance(1_000)
    assert count() == 20


def test_nobody_is_asked_which_senders_live_while_everything_moves(
    count: Callable[[], int], ledger: Ledger, senders: FakeSenders, clock: Clock
) -> None:
    claim(ledger, "mail-1-7/x")
    clock.advance(STILL_SECONDS)
    count()
    assert senders.asked == 0
    clock.advance(1)
    count()
    assert senders.asked == 1


def test_nobody_is_asked_how_full_the_queue_is_before_a_message_can_have_died(
    count: Callable[[], int], sqs: MemorySqs, clock: Clock
) -> None:
    sqs.down = {"depth"}
    clock.advance(DIES_AFTER)
    assert count() == 50


def test_a_chunk_that_moved_lately_is_not_taken_for_dead(
    count: Callable[[], int], ledger: Ledger, sqs: MemorySqs, clock: Clock
) -> None:
    clock.advance(DIES_AFTER)
    claim(ledger, "mail-1-7/x")
    ledger.release(KEY, ChunkState(tuple(range(20)), ()), owner="mail-1-7/x")
    sqs.queues.clear()
    clock.advance(DIES_AFTER)
    assert count() == 20


@given(
    fresh=st.integers(0, 5),
    there=st.integers(0, 8),
    gone=st.integers(0, 8),
    others=st.integers(0, 8),
)
def test_chunks_whose_messages_died_leave_the_list_as_far_as_nothing_else_is_in_the_queue_and_no_others_do(
    fresh: int, there: int, gone: int, others: int
) -> None:
    clock = Clock()
    sqs = MemorySqs(clock)
    old = [Released("b1", number, 50, clock() + number) for number in range(there + gone)]
    clock.advance(DIES_AFTER + len(old) + 1)
    new = [Released("b1", 100 + number, 50, clock()) for number in range(fresh)]
    put(sqs, there + fresh, queue=queues.TRIGGER)
    sqs.send(queues.TRIGGER, [single(f"e{number}").message() for number in range(others)])
    sqs.receive(queues.TRIGGER, limit=3)

    left, recipients = unsent_of(Unheard(), sqs, clock).count([*new, *old], parked=())
    assert len(left) == fresh + there + min(gone, fresh + others)
    assert recipients == 50 * len(left)
    assert set(left) >= set(new)
    assert left[fresh:] == old[len(old) - (len(left) - fresh) :], "the oldest are taken for those that are gone"
