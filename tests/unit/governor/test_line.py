from dataclasses import replace

import pytest

from ems.aws.account import AccountSample
from ems.governor.line import (
    Denied,
    Grant,
    after_reading,
    after_throttle,
    decide,
    effective_rate,
    quota_of,
    used_24h,
)
from ems.governor.policy import Policy
from ems.governor.status import describe
from ems.store.rate_item import SECOND, Line

NOW = 1_700_000_000 * SECOND
POLICY = Policy(headroom=0)
LINE = Line(send_limit=100_000, sampled_at=NOW, next_at=NOW)


def granted(line: Line, policy: Policy, *calls: int) -> Grant:
    decision = decide(line, calls=calls, lane="bulk", now=NOW, policy=policy)
    assert isinstance(decision, Grant)
    return decision


def test_a_grant_costs_its_recipients_at_the_rate() -> None:
    grant = granted(LINE, POLICY, 2, 3, 5)
    assert grant.offsets == (0, 20_000, 50_000)
    assert (grant.booking.recipients, grant.booking.cost) == (10, 100_000)


def test_calls_beyond_the_horizon_are_left_for_the_next_request() -> None:
    policy = replace(POLICY, bulk_horizon=0.25)
    grant = granted(replace(LINE, next_at=NOW + SECOND // 10), policy, 10, 10, 10)
    assert grant.booking.recipients == 20
    assert grant.booking.latest == NOW + SECOND // 4 - SECOND // 10


def test_a_call_of_a_capped_lane_waits_for_the_one_before() -> None:
    policy = replace(POLICY, bulk_calls_per_second=1)
    assert granted(LINE, policy, 50, 50).booking.gap == SECOND
    held = decide(replace(LINE, bulk_at=NOW + 7), calls=(50,), lane="bulk", now=NOW, policy=policy)
    assert held == Denied(NOW + 7, "pace")
    urgent = decide(replace(LINE, bulk_at=NOW + 7), calls=(1,), lane="transactional", now=NOW, policy=policy)
    assert isinstance(urgent, Grant)
    assert urgent.booking.gap is None


def test_the_quota_counts_what_was_granted_since_the_reading() -> None:
    sample = AccountSample(100, 1_000, 880, sending_enabled=True, enforcement="HEALTHY")
    line = replace(after_reading(LINE, sample, now=NOW, granted=40), granted=50)
    assert used_24h(line) == 890
    assert granted(line, POLICY, 4, 6, 1).booking.recipients == 10
    assert granted(line, POLICY, 10).booking.granted_at_most == 50
    used = replace(line, granted=60)
    assert decide(used, calls=(1,), lane="bulk", now=NOW, policy=POLICY) == Denied(NOW + 50 * SECOND, "quota")
    assert isinstance(decide(used, calls=(50,), lane="transactional", now=NOW, policy=POLICY), Grant)


@pytest.mark.parametrize("unlimited", [-1, -1.0])
def test_an_unlimited_quota_is_no_quota(unlimited: float) -> None:
    sample = AccountSample(100, unlimited, 10**9, sending_enabled=True, enforcement="HEALTHY")
    line = after_reading(LINE, sample, now=NOW, granted=0)
    assert quota_of(line, lane="bulk", policy=POLICY) is None
    assert describe(line, now=NOW, policy=POLICY).quota_left_for_bulk is None


def test_without_a_limit_nothing_is_granted() -> None:
    assert decide(Line(), calls=(1,), lane="bulk", now=NOW, policy=POLICY) == Denied(NOW, "no_account")
    assert describe(Line(), now=NOW, policy=POLICY).limit is None


def test_the_status_says_how_far_the_line_is_booked() -> None:
    status = describe(replace(LINE, next_at=NOW + SECOND // 2), now=NOW, policy=Policy())
    assert (status.line_ahead_seconds, status.effective_rate, status.account_age_seconds) == (0.5, 95, 0)


def test_a_booking_drops_the_counts_that_are_older_than_a_minute() -> None:
    second = NOW // SECOND
    line = replace(LINE, used={second - 200: 5, second - 72: 5, second - 71: 5, second: 5})
    booking = granted(line, POLICY, 1).booking
    assert (booking.second, booking.forgotten) == (second, (second - 200, second - 72))


def test_a_throttle_from_a_clock_that_is_ahead_counts_as_now() -> None:
    throttled = after_throttle(LINE, now=NOW + SECOND, policy=POLICY)
    assert throttled is not None
    assert effective_rate(throttled, now=NOW, policy=POLICY) == 75_000
