"""The window keeps what SES may have taken in any second under what the line gave out, whatever stalls on the way."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import count

import pytest
from fakes.clock import Clock
from hypothesis import given, settings
from hypothesis import strategies as st

from ems.governor.lease import Lease
from ems.governor.policy import Policy
from ems.governor.waits import OF_THREADS
from ems.governor.window import RECENT_CALLS, CallWindow
from ems.local.simulation.kernel import Host, Kernel

TOLERANCE = 0.05


@dataclass
class Caller:
    """Takes slots one after the other, each at its very end: nothing is waited for."""

    window: CallWindow

    def __post_init__(self) -> None:
        self._number = count()

    def enters(self, n: int, *, late: float = TOLERANCE) -> Lease | None:
        lease = Lease(next(self._number), n, not_after=0)
        return lease if self.window.enter(lease, late=late, slack=0.06) else None

    def leaves(self, lease: Lease | None) -> None:
        assert lease is not None
        self.window.leave(lease)


@pytest.fixture
def caller(clock: Clock) -> Caller:
    return Caller(CallWindow(replace(OF_THREADS, monotonic=clock), tolerance=TOLERANCE))


def sends_for_a_while(caller: Caller, clock: Clock) -> None:
    for _ in range(RECENT_CALLS):
        lease = caller.enters(2)
        clock.sleep(0.005)
        caller.leaves(lease)
        clock.sleep(0.016)


def test_each_slot_lets_its_own_call_enter(caller: Caller) -> None:
    assert all(caller.enters(n) for n in (4, 4, 1))


def test_the_call_after_a_stall_waits_until_a_second_after_the_answer(caller: Caller, clock: Clock) -> None:
    stalled = caller.enters(2)
    clock.sleep(0.5)
    caller.leaves(stalled)
    clock.sleep(0.6)
    assert caller.enters(1) is None
    clock.sleep(0.4)
    assert caller.enters(1)


def test_who_had_a_call_held_up_leaves_out_as_many_of_its_next_slots(caller: Caller, clock: Clock) -> None:
    sends_for_a_while(caller, clock)
    stalled = caller.enters(2)
    clock.sleep(0.1)
    caller.leaves(stalled)
    assert caller.enters(2) is None
    clock.sleep(0.02)
    assert caller.enters(2)


def test_a_call_that_left_late_takes_the_next_slot_although_nobody_answered_it_yet(
    caller: Caller, clock: Clock
) -> None:
    sends_for_a_while(caller, clock)
    assert caller.enters(2, late=0.07)
    assert caller.enters(2) is None


def test_a_call_that_hangs_holds_up_nothing_while_it_hangs(caller: Caller, clock: Clock) -> None:
    sends_for_a_while(caller, clock)
    caller.enters(2)
    sends_for_a_while(caller, clock)


def test_what_every_call_takes_holds_no_call_up(caller: Caller, clock: Clock) -> None:
    for _ in range(20):
        usual = caller.enters(2)
        clock.sleep(0.5)
        caller.leaves(usual)
        clock.sleep(2)
    usual = caller.enters(2)
    clock.sleep(0.5)
    caller.leaves(usual)
    clock.sleep(0.5)
    assert caller.enters(2)


def test_a_call_enters_an_empty_window_whatever_its_size(caller: Caller, clock: Clock) -> None:
    caller.leaves(caller.enters(2))
    clock.sleep(2)
    assert caller.enters(50)


def test_whoever_waits_enters_as_soon_as_there_is_room() -> None:
    window = CallWindow(tolerance=30)
    first, second = Lease(1.0, 1, not_after=0), Lease(2.0, 1, not_after=0)
    assert window.enter(first, late=1.2, slack=0)
    window.leave(first)
    assert window.enter(second, late=0, slack=0)


RATE, LIMIT = 95, 100
THERE, BACK = 0.02, 0.01

delays = st.one_of(st.just(0.0), st.floats(0, 0.4))
plans = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 2), st.floats(0, 0.05), delays, delays), max_size=150)


@given(plans)
@settings(max_examples=60, deadline=None)
def test_ses_never_sees_more_than_the_limit_in_a_second_wherever_the_calls_of_any_process_stall(
    plan: list[tuple[int, int, float, float, float]],
) -> None:
    """Each process has seen thirty calls without a stall before, so that it knows the way."""
    kernel, arrivals = Kernel(), list[tuple[float, int]]()
    slack = Policy().slack(LIMIT)
    windows = [CallWindow(kernel.waits(), tolerance=TOLERANCE) for _ in range(3)]

    def call(window: CallWindow, lease: Lease, stalls: tuple[float, float, float]) -> None:
        late, there, back = stalls
        kernel.sleep(lease.start_at + late - kernel.now)
        if window.enter(lease, late=kernel.now - lease.start_at, slack=slack):
            arrivals.append((kernel.now + THERE + there, lease.n))
            kernel.sleep(THERE + there + back + BACK)
            window.leave(lease)

    slots = ((3 + k * 0.1, windows[k % 3], 1, (0.0, 0.0, 0.0)) for k in range(90))
    at = 20.0
    planned = []
    for process, n, *stalls in plan:
        planned.append((at, windows[process], n, tuple(stalls)))
        at += n / RATE
    host = Host()
    for at, window, n, stalls in [*slots, *planned]:
        kernel.start(partial(call, window, Lease(at, n, not_after=0), stalls), host=host)
    kernel.run(until=40)
    assert max(seconds(sorted(arrivals)), default=0) <= LIMIT


def seconds(arrivals: list[tuple[float, int]]) -> Iterator[int]:
    """Yield the recipients of every second that begins with an arrival."""
    for begin, _ in arrivals:
        yield sum(n for at, n in arrivals if begin <= at < begin + 1)
