"""The drainer's lease and memory on moto's DynamoDB."""

import json

import pytest
from fakes.clock import Clock

from ems.store.drain import DrainStore, Memory, Released
from ems.store.tables import Tables

ITEM_BYTES = 400 * 1024
"""The most that DynamoDB takes as one item."""

ONE = Released("b1", 0, 50, 1_800_000_000.5)
MEMORY = Memory((ONE, Released("b2", 7, 20, 1_800_000_001.0)), {"welcome": 50}, parked=3)


@pytest.fixture
def drain(tables: Tables, clock: Clock) -> DrainStore:
    return DrainStore(tables, clock=clock)


def test_what_one_tick_leaves_is_what_the_next_one_finds(drain: DrainStore) -> None:
    assert drain.read() == Memory()
    assert drain.acquire(owner="a", seconds=15) == Memory()
    drain.release(MEMORY, owner="a")
    assert drain.acquire(owner="b", seconds=15) == MEMORY
    assert drain.read() == MEMORY


def test_two_seconds_of_a_very_fast_line_fit_into_the_item(drain: DrainStore, tables: Tables) -> None:
    released = tuple(Released(f"b{'x' * 24}{n // 200}", n, 50, 1_800_000_000.123) for n in range(4_000))
    drain.acquire(owner="a", seconds=15)
    drain.release(Memory(released), owner="a")
    assert drain.read().released == released
    assert len(json.dumps(tables.rate.get("drainer").released)) < ITEM_BYTES / 3


def test_a_second_drainer_finds_the_lease_taken_until_it_ends(drain: DrainStore, clock: Clock) -> None:
    drain.acquire(owner="a", seconds=15)
    assert drain.acquire(owner="b", seconds=15) is None
    clock.advance(16)
    assert drain.acquire(owner="b", seconds=15) == Memory()


def test_a_lease_that_was_asked_for_twice_is_still_ones_own(drain: DrainStore) -> None:
    drain.acquire(owner="a", seconds=15)
    assert drain.acquire(owner="a", seconds=15) == Memory()


def test_a_drainer_that_lost_its_lease_writes_nothing(drain: DrainStore, clock: Clock) -> None:
    drain.acquire(owner="a", seconds=15)
    clock.advance(16)
    drain.acquire(owner="b", seconds=15)
    drain.release(MEMORY, owner="a")
    assert drain.read() == Memory()
    assert drain.acquire(owner="c", seconds=15) is None
