"""What start-up made is no longer walked over by the garbage collector."""

import gc
from collections.abc import Iterator

import pytest

from ems.memory import settle


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_what_lives_when_a_process_settles_is_out_of_the_collectors_sight() -> None:
    made = [[] for _ in range(1000)]
    settle()
    assert gc.get_freeze_count() > len(made)
    assert not any(one is made for one in gc.get_objects())


def test_what_comes_later_is_still_collected() -> None:
    settle()
    ring: list[object] = []
    ring.append(ring)
    del ring
    assert gc.collect() > 0
