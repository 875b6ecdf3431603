"""The line under any mix of processes, lanes, weights, rates, idle gaps, clock steps and throttles."""

from dataclasses import replace
from itertools import pairwise

from fakes.rate_store import MemoryRateStore
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ems.aws.account import AccountSample
from ems.governor.line import (
    Denied,
    Grant,
    after_reading,
    after_throttle,
    decide,
    effective_rate,
    micros,
    quota_of,
    used_24h,
)
from ems.governor.policy import Lane, Policy
from ems.store.rate_item import MILLI, SECOND, Booked, Line, Refused

PROCESSES = 3
SKEW = SECOND // 20
START = 1_700_000_000 * SECOND

processes = st.integers(0, PROCESSES - 1)
lanes = st.sampled_from(["transactional", "bulk"])
calls = st.lists(st.integers(1, 50), min_size=1, max_size=6).map(tuple)
rates = st.sampled_from([1, 14, 100, 1000])
policies = st.builds(Policy, headroom=st.sampled_from([0.0, 0.05, 0.2]))


def known(limit: int) -> Line:
    return Line(send_limit=limit * MILLI, sampled_at=START, next_at=START)


def horizon(lane: Lane, line: Line, *, now: int, policy: Policy) -> int:
    return micros(policy.horizon(lane, rate=effective_rate(line, now=now, policy=policy) / MILLI))


class ManyProcessesOneLine(RuleBasedStateMachine):
    """Each process decides on the line as it saw it last, by a clock of its own; the store is the judge."""

    def __init__(self) -> None:
        super().__init__()
        self.policy = Policy()
        self.store = MemoryRateStore(known(100))
        self.now = START
        self.skews = [0] * PROCESSES
        self.views = [known(100)] * PROCESSES
        self.slots: list[tuple[int, int, int]] = []
        self.fastest = 95 * MILLI
        self.refreshes = 0

    @property
    def line(self) -> Line:
        assert self.store.line is not None
        return self.store.line

    def horizon(self, lane: Lane, *, now: int) -> int:
        return horizon(lane, self.line, now=now, policy=self.policy)

    def clock(self, process: int) -> int:
        return self.now + self.skews[process]

    @rule(process=processes, lane=lanes, calls=calls)
    def a_process_books(self, process: int, lane: Lane, calls: tuple[int, ...]) -> None:
        before, now, fresh = self.line, self.clock(process), self.views[process] == self.line
        decision = decide(self.views[process], calls=calls, lane=lane, now=now, policy=self.policy)
        if isinstance(decision, Denied):
            assert decision.why == "quota" or decision.not_before > now
            if fresh:
                self.assert_denied_for_a_reason(decision, calls[0], lane=lane, now=now)
            return
        outcome = self.store.book(decision.booking)
        if isinstance(outcome, Refused):
            assert not fresh
            assert self.line == before
        else:
            self.record(decision, outcome, calls, lane=lane, now=now)
        self.views[process] = self.line

    def assert_denied_for_a_reason(self, denied: Denied, call: int, *, lane: Lane, now: int) -> None:
        if denied.why == "rate":
            assert self.line.next_at > now + self.horizon(lane, now=now)
        else:
            quota = quota_of(self.line, lane=lane, policy=self.policy)
            assert denied.why == "quota"
            assert quota is not None
            assert used_24h(self.line) + call > quota

    def record(self, grant: Grant, booked: Booked, calls: tuple[int, ...], *, lane: Lane, now: int) -> None:
        granted = list(zip(calls, grant.offsets, strict=False))
        assert sum(call for call, _ in granted) == grant.booking.recipients
        ends = [*grant.offsets[1:], grant.booking.cost]
        self.slots += [
            (booked.start_at + offset, end - offset, call) for (call, offset), end in zip(granted, ends, strict=True)
        ]
        last_start, last_cost, _ = self.slots[-1]
        assert now <= booked.start_at
        assert last_start <= now + self.horizon(lane, now=now)
        if lane == "bulk":
            assert booked.line.next_at - now <= self.horizon(lane, now=now) + last_cost
        quota = quota_of(booked.line, lane=lane, policy=self.policy)
        assert quota is None or used_24h(booked.line) <= quota

    @rule(seconds=st.floats(0, 3))
    def time_passes(self, seconds: float) -> None:
        self.now += round(seconds * SECOND)

    @rule(process=processes, skew=st.integers(-SKEW, SKEW))
    def a_clock_steps(self, process: int, skew: int) -> None:
        self.skews[process] = skew

    @rule(process=processes)
    def a_process_sees_a_throttle(self, process: int) -> None:
        now = self.clock(process)
        after = after_throttle(self.views[process], now=now, policy=self.policy)
        if after is not None:
            self.store.revise(after)
            self.views[process] = self.line

    @rule(process=processes, limit=rates, quota=st.sampled_from([-1, 500, 5_000]), used=st.integers(0, 600))
    @precondition(lambda self: self.refreshes < 3)
    def a_process_reads_the_account(self, process: int, limit: int, quota: int, used: int) -> None:
        self.refreshes += 1
        sample = AccountSample(limit, quota, used, sending_enabled=True, enforcement="HEALTHY")
        line = after_reading(self.line, sample, now=self.clock(process), granted=self.line.granted)
        assert isinstance(self.store.revise(line), Line)
        self.fastest = max(self.fastest, round(limit * MILLI * 0.95))

    @invariant()
    def no_slot_overlaps_another(self) -> None:
        assert all(start + cost <= following for (start, cost, _), (following, _, _) in pairwise(self.slots))

    @invariant()
    def no_lease_is_lost_or_granted_twice(self) -> None:
        assert self.line.granted == sum(recipients for _, _, recipients in self.slots)

    def teardown(self) -> None:
        """A sliding second stays under the derived bound, wherever it begins."""
        largest = max((recipients for _, _, recipients in self.slots), default=0)
        for index, (first, _, _) in enumerate(self.slots):
            within = sum(recipients for start, _, recipients in self.slots[index:] if start < first + SECOND)
            assert within < self.fastest / MILLI + largest

    @invariant()
    def usage_counts_what_was_granted(self) -> None:
        assert sum(self.line.used.values()) <= self.line.granted


TestManyProcessesOneLine = ManyProcessesOneLine.TestCase
TestManyProcessesOneLine.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)


@given(limit=rates, lane=lanes, calls=calls, ahead=st.integers(-10 * SECOND, 10 * SECOND), policy=policies)
def test_whenever_the_line_has_room_the_first_call_is_granted(
    limit: int, lane: Lane, calls: tuple[int, ...], ahead: int, policy: Policy
) -> None:
    line = replace(known(limit), next_at=START + ahead)
    decision = decide(line, calls=calls, lane=lane, now=START, policy=policy)
    if ahead <= horizon(lane, line, now=START, policy=policy):
        assert isinstance(decision, Grant)
        assert decision.booking.recipients >= calls[0]
    else:
        assert isinstance(decision, Denied)
        again = decide(line, calls=calls, lane=lane, now=decision.not_before, policy=policy)
        assert decision.why == "clock" or isinstance(again, Grant)


@given(limit=rates, calls=calls)
def test_several_calls_in_one_booking_get_the_slots_they_would_get_one_by_one(
    limit: int, calls: tuple[int, ...]
) -> None:
    policy = Policy(headroom=0)
    together = decide(known(limit), calls=calls, lane="bulk", now=START, policy=policy)
    assert isinstance(together, Grant)
    line = known(limit)
    for call, offset in zip(calls, together.offsets, strict=False):
        assert abs(line.next_at - START - offset) <= len(calls)
        alone = decide(line, calls=(call,), lane="bulk", now=START, policy=policy)
        assert isinstance(alone, Grant)
        line = replace(line, next_at=line.next_at + alone.booking.cost)


@given(limit=rates, waits=st.lists(st.integers(0, 3 * SECOND), max_size=60), policy=policies)
def test_throttles_slow_the_line_but_never_stop_it(limit: int, waits: list[int], policy: Policy) -> None:
    line, now = known(limit), START
    for wait in waits:
        now += wait
        before = effective_rate(line, now=now, policy=policy)
        after = after_throttle(line, now=now, policy=policy)
        if after is not None:
            line = after
            least = round(0.03 * limit * MILLI)
            assert effective_rate(line, now=now, policy=policy) == max(least, round(before * 0.75))
        assert effective_rate(line, now=now, policy=policy) >= round(0.03 * limit * MILLI)


@given(limit=rates, share=st.floats(0.04, 0.95), earlier=st.floats(0, 200), later=st.floats(0, 200))
def test_after_a_throttle_the_rate_climbs_to_where_it_was_within_half_a_minute_and_on_from_there(
    limit: int, share: float, earlier: float, later: float
) -> None:
    before = round(limit * MILLI * share)
    throttled = replace(known(limit), penalty_rate=round(before * 0.75), penalty_at=START)

    def after(seconds: float) -> int:
        return effective_rate(throttled, now=START + round(seconds * SECOND), policy=Policy())

    assert abs(after(0) - before * 0.75) <= 1
    assert abs(after(30) - before) <= 1
    assert after(200) == limit * MILLI * 0.95
    assert (after(earlier) <= after(later)) == (earlier <= later) or after(earlier) == after(later)


class Ses:
    """An account that promises *promised* recipients a second and takes *taken*, in a bucket of a second's worth."""

    def __init__(self, *, promised: int, taken: float) -> None:
        self.line = known(promised)
        self.rate = self.level = taken
        self.now = START
        self.calls = self.throttled = 0

    def call(self, recipients: int) -> None:
        """Make the next call of a full line."""
        cost = recipients * MILLI / effective_rate(self.line, now=self.now, policy=Policy())
        self.now += round(cost * SECOND)
        self.level = min(self.rate, self.level + cost * self.rate)
        self.calls += 1
        if self.level > 0:
            self.level -= recipients
            return
        self.throttled += 1
        self.line = after_throttle(self.line, now=self.now, policy=Policy()) or self.line


@given(promised=st.sampled_from([100, 1000]), share=st.floats(0.15, 1.0))
@settings(max_examples=20, deadline=None)
def test_an_ses_that_takes_less_than_it_promises_throttles_less_than_a_hundredth_of_the_calls(
    promised: int, share: float
) -> None:
    ses = Ses(promised=promised, taken=promised * share)
    settled = START + 60 * SECOND
    while ses.now < settled:
        ses.call(promised // 50)
    ses.calls = ses.throttled = 0
    while ses.now < settled + 300 * SECOND:
        ses.call(promised // 50)
    assert ses.throttled <= 0.01 * ses.calls
    assert ses.calls * promised // 50 >= 0.9 * min(share, 0.95) * promised * 300


@given(back=st.integers(1, SKEW), lane=lanes)
def test_a_clock_that_steps_back_never_moves_the_line_back(back: int, lane: Lane) -> None:
    store = MemoryRateStore(known(100))
    first = decide(known(100), calls=(2,), lane=lane, now=START, policy=Policy())
    assert isinstance(first, Grant)
    booked = store.book(first.booking)
    assert isinstance(booked, Booked)
    again = decide(booked.line, calls=(2,), lane=lane, now=START - back, policy=Policy())
    assert isinstance(again, Grant)
    later = store.book(again.booking)
    assert isinstance(later, Booked)
    assert later.start_at == booked.line.next_at


@given(now=st.integers(START, START + 500 * SECOND), gaps=st.lists(st.integers(0, 100 * SECOND), max_size=12))
def test_usage_of_the_last_minute_is_exact_whatever_the_gaps(now: int, gaps: list[int]) -> None:
    policy = Policy(max_send_rate=1000)
    store = MemoryRateStore(known(1000))
    granted: list[tuple[int, int]] = []
    for gap in gaps:
        now += gap
        assert store.line is not None
        decision = decide(store.line, calls=(3,), lane="bulk", now=now, policy=policy)
        assert isinstance(decision, Grant)
        outcome = store.book(decision.booking)
        assert isinstance(outcome, Booked)
        granted.append((outcome.start_at // SECOND, 3))
    last = now // SECOND
    assert store.line is not None
    for second in range(last - 60, last + 1):
        assert store.line.granted_in(second) == sum(count for moment, count in granted if moment == second)
