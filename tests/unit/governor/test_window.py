"""The window keeps what SES may have taken in any second under the limit, whatever stalls on the way."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from fakes.clock import Clock
from hypothesis import given
from hypothesis import strategies as st

from ems.governor.waits import OF_THREADS
from ems.governor.window import CallWindow


@pytest.fixture
def window(clock: Clock) -> CallWindow:
    return CallWindow(replace(OF_THREADS, monotonic=clock))


def enters(window: CallWindow, n: int, *, limit: float = 10) -> bool:
    return window.enter(n, limit=limit, patience=0)


def test_calls_enter_while_they_fit_under_the_limit(window: CallWindow) -> None:
    assert [enters(window, 4), enters(window, 4), enters(window, 4)] == [True, True, False]


def test_an_answered_call_counts_for_a_second_more(window: CallWindow, clock: Clock) -> None:
    assert enters(window, 10)
    clock.sleep(30)
    window.leave(10)
    clock.sleep(0.99)
    assert not enters(window, 1)
    clock.sleep(0.01)
    assert enters(window, 1)


def test_a_call_larger_than_the_limit_enters_alone(window: CallWindow) -> None:
    assert enters(window, 50)
    assert not enters(window, 1)


def test_whoever_waits_enters_as_soon_as_there_is_room() -> None:
    window = CallWindow()
    assert window.enter(10, limit=10, patience=0)
    window.leave(10)
    assert window.enter(1, limit=10, patience=30)


calls = st.lists(st.tuples(st.integers(1, 50), st.floats(0, 0.2), st.floats(0, 2), st.floats(0, 1)), max_size=60)


@given(calls)
def test_ses_never_sees_more_than_the_limit_in_a_second_wherever_between_leaving_and_answer_it_counts(
    plan: list[tuple[int, float, float, float]],
) -> None:
    limit, clock = 60, Clock()
    window = CallWindow(replace(OF_THREADS, monotonic=clock))
    under_way: list[tuple[float, int]] = []
    arrivals: list[tuple[float, int]] = []
    for n, gap, latency, share in plan:
        clock.sleep(gap)
        for answered_at, size in sorted(under_way):
            if answered_at <= clock():
                window.leave(size)
                under_way.remove((answered_at, size))
        if enters(window, n, limit=limit):
            arrivals.append((clock() + latency * share, n))
            under_way.append((clock() + latency, n))
    assert max(seconds(arrivals), default=0) <= limit


def seconds(arrivals: list[tuple[float, int]]) -> Iterator[int]:
    """Yield the recipients of every second that begins with an arrival."""
    for begin, _ in arrivals:
        yield sum(n for at, n in arrivals if begin <= at < begin + 1)
