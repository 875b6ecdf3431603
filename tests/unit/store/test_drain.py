"""The drainer's lease on moto's DynamoDB."""

import pytest
from fakes.clock import Clock

from ems.store.drain import DrainStore, Released
from ems.store.tables import Tables

ONE = Released("b1", 0, 50, 1_800_000_000.5)


@pytest.fixture
def drain(tables: Tables, clock: Clock) -> DrainStore:
    return DrainStore(tables, clock=clock)


def test_what_one_tick_released_is_what_the_next_one_finds(drain: DrainStore) -> None:
    assert drain.read() == []
    assert drain.acquire(owner="a", seconds=15) == []
    drain.release([ONE], owner="a")
    assert drain.acquire(owner="b", seconds=15) == [ONE]
    assert drain.read() == [ONE]


def test_a_second_drainer_finds_the_lease_taken_until_it_ends(drain: DrainStore, clock: Clock) -> None:
    drain.acquire(owner="a", seconds=15)
    assert drain.acquire(owner="b", seconds=15) is None
    clock.advance(16)
    assert drain.acquire(owner="b", seconds=15) == []


def test_a_lease_that_was_asked_for_twice_is_still_ones_own(drain: DrainStore) -> None:
    drain.acquire(owner="a", seconds=15)
    assert drain.acquire(owner="a", seconds=15) == []


def test_a_drainer_that_lost_its_lease_writes_nothing(drain: DrainStore, clock: Clock) -> None:
    drain.acquire(owner="a", seconds=15)
    clock.advance(16)
    drain.acquire(owner="b", seconds=15)
    drain.release([ONE], owner="a")
    assert drain.read() == []
    assert drain.acquire(owner="c", seconds=15) is None
