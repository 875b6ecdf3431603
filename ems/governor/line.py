"""The line: GCRA over recipients. Pure: state and time in, decision out.

The generic cell rate algorithm (ITU-T I.371) as a virtual schedule: ``next_at`` is when the line is free. A grant of n
recipients starts there and moves it by n / rate; an idle line restarts at now, so unused time is not saved up. A lane
may book a slot that starts at most its horizon ahead. Bulk has the shorter horizon, so transactional mail overtakes:
it waits for what bulk has booked, which is the bulk horizon and one call at most.

**The bound.** Slots are apart by the cost of the earlier one. In a sliding window of W seconds the costs of all slots
but the last add up to less than W, so with rate r = limit x (1 - headroom) and calls of at most n recipients::

    recipients whose slots start within W  <  W x r + n

Calls reach SES later than their slots, each by another time. :mod:`ems.governor.window` lets a call leave only when
what SES may count of this process within a second had its slots within 1 + ``slack`` seconds, and clocks of two
processes may differ by s. So what SES counts in any second had its slots within W = 1 + slack + s: at most the limit
while W x r + n <= limit, or W x r <= limit where all calls are of one recipient. That is how
:meth:`ems.governor.policy.Policy.slack` is chosen: 27 ms at the default headroom of 5 % and calls of 2 % of the limit.

**Throttles.** SES knows better: a throttle cuts the rate that is in force by a quarter, at most once a second (several
workers see the same one), and from there it climbs along a cubic (RFC 9438, "CUBIC", section 4.2): fast at first, flat
around the rate at which SES throttled, which it reaches after half a minute, then faster and faster. So an SES that
takes less than it promises is asked once in half a minute whether it takes more, however little it takes: throttled
calls stay under 1 % of all (docs/adr/0014). Throttles alone never push the rate under 3 % of the limit.

Every process computes a cost from the state that it saw last; the store grants only while that state's ``revision``
holds (:mod:`ems.store.rate`).
"""

from dataclasses import dataclass, replace
from typing import Literal

from ems.aws.account import AccountSample
from ems.governor.policy import Lane, Policy
from ems.store.rate_item import KEPT_SECONDS, MILLI, SECOND, Booking, Line

LONGEST_BOOKING = SECOND // 4
"""One booking's last slot is at most this far from its first: usage is counted in the second of the first."""

THROTTLE_CUT = 0.75
CLIMB_SECONDS = 30
"""How long the rate takes from a throttle's cut back to where it was."""

LEAST_SHARE = 0.03
"""Throttles cut down to this share of the limit and no further: from less, coming back would take hours."""

THROTTLE_EVERY = SECOND

FURTHEST = 3600 * SECOND
"""Right clocks cannot book further: the largest call at the sandbox's 1/s, throttled to 3 % of it, takes 28 minutes."""

Why = Literal["rate", "pace", "quota", "stopped", "no_account", "clock"]


@dataclass(frozen=True, slots=True)
class Grant:
    """What to ask of the store, and where each call's slot lies from the first one's start (microseconds)."""

    booking: Booking
    offsets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Denied:
    """Nothing before ``not_before`` (microseconds).

    ``rate`` is the lane's horizon, ``pace`` the cap on bulk calls, ``quota`` the lane's share of the 24 hours,
    ``stopped`` an account that may not send, ``no_account`` a limit that is not known, ``clock`` a line further ahead
    than right clocks can book it.
    """

    not_before: int
    why: Why


def micros(seconds: float) -> int:
    """Turn seconds into the line's unit of time."""
    return round(seconds * SECOND)


def limit_of(line: Line, policy: Policy) -> int:
    """Return the limit in milli-recipients a second: by setting, else the account's; 0 when none is known."""
    return line.send_limit if policy.max_send_rate is None else max(1, round(policy.max_send_rate * MILLI))


def effective_rate(line: Line, *, now: int, policy: Policy) -> int:
    """Return the rate in force at *now* in milli-recipients a second; 0 when no limit is known."""
    limit = limit_of(line, policy)
    rate = round(limit * (1 - policy.headroom))
    if line.penalty_at:
        since = max(0, now - line.penalty_at) / SECOND
        share = 1 + (1 - THROTTLE_CUT) * (since / CLIMB_SECONDS - 1) ** 3
        rate = min(rate, round(line.penalty_rate / THROTTLE_CUT * share))
    return max(rate, 1) if limit else 0


def quota_of(line: Line, *, lane: Lane, policy: Policy) -> int | None:
    """Return the recipients that *lane* may use in 24 hours; None is unlimited."""
    if line.max_24h < 0 or not line.sampled_at:
        return None
    return int(line.max_24h * (1 - policy.daily_reserve)) if lane == "bulk" else line.max_24h


def used_24h(line: Line) -> int:
    """Return the recipients used of the 24-hour quota: as SES said, and what was granted since."""
    return line.sent_24h + line.granted - line.granted_at_sample


def decide(line: Line, *, calls: tuple[int, ...], lane: Lane, now: int, policy: Policy) -> Grant | Denied:
    """Decide on waiting calls, given as their numbers of recipients in the order in which they wait.

    Grants as many of them, from the first, as start within the lane's horizon (and a quarter of a second of each
    other) and fit into the quota; at least one, else the answer is a denial. *now* is in microseconds.
    """
    rate = effective_rate(line, now=now, policy=policy)
    horizon = micros(policy.horizon(lane, rate=rate / MILLI))
    refusal = _refusal(line, lane=lane, horizon=horizon, now=now, policy=policy)
    if refusal is not None:
        return refusal
    gap = _bulk_gap(lane, policy)
    start = max(line.next_at, now)
    horizon_end = now + horizon
    quota = quota_of(line, lane=lane, policy=policy)
    left = None if quota is None else quota - used_24h(line)
    offsets: list[int] = []
    recipients = cost = 0
    for call in calls[:1] if gap else calls:
        if cost > LONGEST_BOOKING or start + cost > horizon_end or (left is not None and recipients + call > left):
            break
        offsets.append(cost)
        recipients += call
        cost = cost_of(recipients, rate)
    if not offsets:
        return Denied(_next_reading(line, policy), "quota")
    return Grant(
        Booking(
            recipients=recipients,
            cost=cost,
            idle=line.next_at < now,
            now=now,
            latest=horizon_end - offsets[-1],
            revision=line.revision,
            granted_at_most=None if left is None else line.granted + left - recipients,
            gap=gap,
            second=start // SECOND,
            forgotten=tuple(second for second in line.used if second <= now // SECOND - KEPT_SECONDS),
        ),
        tuple(offsets),
    )


def _refusal(line: Line, *, lane: Lane, horizon: int, now: int, policy: Policy) -> Denied | None:
    """Return why not even a call of no recipients would be granted now."""
    if not limit_of(line, policy):
        return Denied(now, "no_account")
    if not line.sending:
        return Denied(_next_reading(line, policy), "stopped")
    if line.next_at > now + FURTHEST:
        return Denied(line.next_at, "clock")
    if line.next_at > now + horizon:
        return Denied(line.next_at - horizon, "rate")
    if _bulk_gap(lane, policy) and line.bulk_at > max(line.next_at, now):
        return Denied(line.bulk_at, "pace")
    return None


def _bulk_gap(lane: Lane, policy: Policy) -> int | None:
    """Return the microseconds between the starts of two bulk calls; None where they are not capped."""
    if lane != "bulk" or policy.bulk_calls_per_second is None:
        return None
    return micros(1 / policy.bulk_calls_per_second)


def cost_of(recipients: int, rate: int) -> int:
    """Return recipients / rate in microseconds, rounded up so that rounding never adds to the rate.

    *rate* is in milli-recipients a second.
    """
    return -(-recipients * SECOND * MILLI // rate)


def _next_reading(line: Line, policy: Policy) -> int:
    return line.sampled_at + micros(policy.refresh_seconds)


def after_throttle(line: Line, *, now: int, policy: Policy) -> Line | None:
    """Return the line after SES throttled a call at *now*; None when the throttle is counted already."""
    if line.penalty_at and now - line.penalty_at < THROTTLE_EVERY:
        return None
    cut = round(effective_rate(line, now=now, policy=policy) * THROTTLE_CUT)
    least = round(limit_of(line, policy) * LEAST_SHARE)
    return replace(line, penalty_rate=max(cut, least, 1), penalty_at=now)


def after_reading(line: Line, sample: AccountSample, *, now: int, granted: int) -> Line:
    """Return the line after the account was read at *now*.

    *granted* is as much of the line's counter as SES had counted by then. What was granted beyond it, also during the
    reading, counts as used besides.
    """
    return replace(
        line,
        send_limit=round(sample.max_send_rate * MILLI),
        sending=int(sample.may_send),
        max_24h=-1 if sample.max_24h_send < 0 else int(sample.max_24h_send),
        sent_24h=int(sample.sent_24h),
        sampled_at=now,
        granted_at_sample=granted,
    )
