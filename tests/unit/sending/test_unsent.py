"""What counts as lying before the senders, when senders die."""

from collections.abc import Callable

import pytest
from fakes.clock import Clock
from fakes.release import FakeSenders
from fakes.sending import batch

from ems.sending.unsent import DEAD_SECONDS, STILL_SECONDS, Unsent
from ems.store.batches import BatchStore
from ems.store.drain import Released
from ems.store.ledger import ChunkKey, ChunkState, Ledger

KEY = ChunkKey("b1", 0, "welcome", "bulk", 50)
LEASE_SECONDS = 120.0


@pytest.fixture
def senders() -> FakeSenders:
    return FakeSenders()


@pytest.fixture
def count(batches: BatchStore, senders: FakeSenders, clock: Clock) -> Callable[[], int]:
    batches.create(batch(total=50))
    unsent = Unsent(batches, senders, clock=clock)
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
