"""Batches, how their chunks stand, and cancelled ones on moto's DynamoDB."""

import pytest
from fakes.clock import Clock
from fakes.sending import batch
from fakes.tables import batches_of, ledger_of

from ems.store.batches import BatchStore, ChunkProgress
from ems.store.chunk_state import ChunkKey, ChunkState, Settled
from ems.store.ledger import LeaseLostError, Ledger
from ems.store.status import Status
from ems.store.tables import Tables

KEY = ChunkKey("b1", 0, "welcome", "bulk", 4)


@pytest.fixture
def store(tables: Tables, clock: Clock) -> BatchStore:
    return batches_of(tables, clock)


@pytest.fixture
def ledger(tables: Tables, clock: Clock) -> Ledger:
    return ledger_of(tables, clock)


def claim(ledger: Ledger, owner: str = "a") -> ChunkState:
    state = ledger.claim(KEY, owner=owner, lease_seconds=60)
    assert isinstance(state, ChunkState)
    return state


def test_a_batch_is_read_as_it_was_written_and_written_once(store: BatchStore) -> None:
    made = batch(name="spring", send_at=1_900_000_000.5)
    assert store.create(made) is None
    assert store.create(batch(total=9)) == made
    assert store.get("b1") == made
    assert store.get_many(["b1", "b1", "b2"]) == {"b1": made}
    assert store.get_many([]) == {}


def test_a_batch_moves_only_from_an_allowed_state(store: BatchStore) -> None:
    store.create(batch(state="cancelled"))
    assert not store.move("b1", "paused", allowed=("waiting",))
    assert not store.move("b2", "paused", allowed=("waiting",))
    assert store.move("b1", "waiting", allowed=("cancelled",))


def test_a_batch_that_changed_since_it_was_seen_does_not_move(store: BatchStore) -> None:
    seen = batch(state="accepting")
    store.create(seen)
    assert store.move("b1", "accepting", allowed=("accepting",), at=seen.updated_at + 1)
    assert not store.move("b1", "abandoned", allowed=("accepting",), seen=seen.updated_at)


def test_cancelling_a_chunk_that_nobody_took_counts_all_of_it(store: BatchStore) -> None:
    assert store.cancel_chunk("b1", 0, 4)
    assert store.cancel_chunk("b1", 0, 4)
    assert store.progress("b1").counts["cancelled"] == 4


def test_cancelling_a_chunk_counts_what_is_left_of_it(store: BatchStore, ledger: Ledger) -> None:
    sent = [Settled(0, "b1-000000", "person0@example.com", Status.SENT)]
    state = ledger.settle(KEY, claim(ledger), sent, owner="a", next_call=())
    ledger.release(KEY, state, owner="a")

    assert store.cancel_chunk("b1", 0, 4)
    progress = store.progress("b1")
    assert (progress.counts["sent"], progress.counts["cancelled"], progress.started_left) == (1, 3, 0)


def test_a_chunk_in_a_senders_hands_is_not_cancelled(store: BatchStore, ledger: Ledger) -> None:
    claim(ledger)
    assert not store.cancel_chunk("b1", 0, 4)
    assert store.progress("b1").counts["cancelled"] == 0


def test_a_chunk_whose_sender_died_in_a_call_is_not_cancelled_over_its_doubts(
    store: BatchStore, ledger: Ledger, clock: Clock
) -> None:
    ledger.settle(KEY, claim(ledger), [], owner="a", next_call=[0, 1])
    clock.advance(61)
    assert not store.cancel_chunk("b1", 0, 4)


def test_a_cancelled_chunk_with_doubts_needs_its_message(store: BatchStore, ledger: Ledger) -> None:
    doubtful = [Settled(0, "b1-000000", "person0@example.com", Status.IN_DOUBT)]
    state = ledger.settle(KEY, claim(ledger), doubtful, owner="a", next_call=())
    ledger.release(KEY, state, owner="a")
    for _ in range(2):
        assert not store.cancel_chunk("b1", 0, 4)
        assert {name: n for name, n in store.progress("b1").counts.items() if n} == {"in_doubt": 1, "cancelled": 3}


def test_a_slow_sender_finds_its_lease_gone_after_a_cancellation(
    store: BatchStore, ledger: Ledger, clock: Clock
) -> None:
    state = claim(ledger)
    clock.advance(61)
    assert store.cancel_chunk("b1", 0, 4)
    with pytest.raises(LeaseLostError):
        ledger.settle(KEY, state, [], owner="a", next_call=[0, 1])


def test_progress_sums_the_chunks_that_were_started(store: BatchStore, ledger: Ledger, clock: Clock) -> None:
    began = clock()
    state = ledger.settle(KEY, claim(ledger), [], owner="a", next_call=[0, 1])
    clock.advance(2)
    sent = [Settled(0, "b1-000000", "person0@example.com", Status.SENT)]
    ledger.settle(KEY, state, sent, owner="a", next_call=[1])

    progress = store.progress("b1")
    assert (progress.counts["sent"], progress.started_left) == (1, 3)
    assert (progress.started_at, progress.moved_at) == (began, began + 2)


def test_a_chunk_tells_how_much_of_it_is_left_whose_it_is_and_when_it_moved(
    store: BatchStore, ledger: Ledger, clock: Clock
) -> None:
    assert store.chunks([("b1", 0)]) == {}
    began, state = clock(), claim(ledger)
    assert store.chunks([("b1", 0), ("b1", 1)]) == {
        ("b1", 0): ChunkProgress(done=False, left=4, owner="a", lease_until=began + 60, moved_at=began)
    }
    clock.advance(2)
    sent = [Settled(0, "b1-000000", "person0@example.com", Status.SENT)]
    state = ledger.settle(KEY, state, sent, owner="a", next_call=[1])
    assert store.chunks([("b1", 0)])["b1", 0] == ChunkProgress(
        done=False, left=3, owner="a", lease_until=began + 60, moved_at=began + 2
    )
    ledger.release(KEY, state, owner="a")
    assert store.chunks([("b1", 0)])["b1", 0] == ChunkProgress(
        done=False, left=3, owner=None, lease_until=0, moved_at=began + 2
    )
    assert store.cancel_chunk("b1", 0, 4)
    assert store.chunks([("b1", 0)])["b1", 0] == ChunkProgress(
        done=True, left=0, owner=None, lease_until=0, moved_at=began + 2
    )
