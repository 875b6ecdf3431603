"""The line in a reader's terms: what GET /rate shows and the drainer reckons with."""

from dataclasses import dataclass
from typing import Literal

from ems.governor.day import room_at
from ems.governor.line import effective_rate, limit_of, micros, quota_of, used_24h
from ems.governor.policy import Policy
from ems.store.rate_item import MILLI, SECOND, Line

Hindrance = Literal["quota", "account", "breaker"]
"""What keeps all bulk mail waiting: its share of the 24-hour quota is used, SES says that it may not send, or the
account's breaker has tripped, which the line does not know (:func:`ems.sending.breaker_view.with_breaker`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateStatus:
    """Rates in recipients a second, counts in recipients, times in seconds; None is "not known" or "unlimited".

    Attributes:
        limit: The account's MaxSendRate, or ``EMS_MAX_SEND_RATE``.
        limit_source: ``account`` or ``setting``.
        effective_rate: The rate in force: the limit less the headroom, less what a throttle took.
        used_last_second: Slots in the last full second, all processes together.
        used_last_minute: Slots in the last 60 full seconds.
        used_24h: As SES said, and what was granted since; None when the account was never read.
        quota_24h: Max24HourSend; None is unlimited or not known.
        quota_left: What transactional mail may still use; None is unlimited or not known.
        quota_left_for_bulk: What bulk may still use, the reserve taken off; None is unlimited or not known.
        bulk_waits_for: What keeps all bulk mail waiting; None when nothing does but its turn.
        bulk_waits_until: When that is expected to end, in epoch seconds, not before the account is read again; None
            when nobody can tell (the quota was used by others, or the account is paused).
        sending: False while SES says that the account may not send.
        penalty: Share of the limit that the last throttle still takes, 0 when none does.
        line_ahead_seconds: How far the line is booked.
        account_age_seconds: Age of the account's reading; None when there is none.
        account_error: Why this process's last reading failed; None when it did not.
        clock_offset_seconds: Bounds of this process's clock against AWS's, (least, most); None when not measured.
    """

    limit: float | None
    limit_source: str
    effective_rate: float
    used_last_second: int
    used_last_minute: int
    used_24h: int | None
    quota_24h: int | None
    quota_left: int | None
    quota_left_for_bulk: int | None
    bulk_waits_for: Hindrance | None
    bulk_waits_until: float | None
    sending: bool
    penalty: float
    line_ahead_seconds: float
    account_age_seconds: float | None
    account_error: str | None = None
    clock_offset_seconds: tuple[float, float] | None = None


def describe(
    line: Line,
    *,
    now: int,
    policy: Policy,
    account_error: str | None = None,
    clock_offset: tuple[float, float] | None = None,
) -> RateStatus:
    """Describe *line* at *now* (microseconds)."""
    limit = limit_of(line, policy)
    rate = effective_rate(line, now=now, policy=policy)
    unpunished = limit * (1 - policy.headroom)
    last = now // SECOND - 1
    hindrance = hindrance_of_bulk(line, policy=policy)
    return RateStatus(
        limit=limit / MILLI if limit else None,
        limit_source="account" if policy.max_send_rate is None else "setting",
        effective_rate=rate / MILLI,
        used_last_second=line.granted_in(last),
        used_last_minute=sum(line.granted_in(second) for second in range(last - 59, last + 1)),
        used_24h=used_24h(line) if line.sampled_at else None,
        quota_24h=quota_of(line, lane="transactional", policy=policy),
        quota_left=_left(line, quota_of(line, lane="transactional", policy=policy)),
        quota_left_for_bulk=_left(line, quota_of(line, lane="bulk", policy=policy)),
        bulk_waits_for=hindrance,
        bulk_waits_until=_until(line, now=now, policy=policy) if hindrance == "quota" else None,
        sending=bool(line.sending),
        penalty=round(max(0.0, (unpunished - rate) / limit), 4) if limit else 0.0,
        line_ahead_seconds=max(0, line.next_at - now) / SECOND,
        account_age_seconds=max(0, now - line.sampled_at) / SECOND if line.sampled_at else None,
        account_error=account_error,
        clock_offset_seconds=clock_offset,
    )


def hindrance_of_bulk(line: Line, *, policy: Policy) -> Hindrance | None:
    """Return what keeps all bulk mail waiting, if anything."""
    if not line.sending:
        return "account"
    left = _left(line, quota_of(line, lane="bulk", policy=policy))
    if left is not None and left < policy.size_of_call(limit_of(line, policy) / MILLI):
        return "quota"
    return None


def _until(line: Line, *, now: int, policy: Policy) -> float | None:
    """Return when the quota is expected to have room: SES says so in a reading, so not before the next one."""
    room = room_at(line, now=now)
    return None if room is None else max(room, line.sampled_at + micros(policy.refresh_seconds)) / SECOND


def _left(line: Line, quota: int | None) -> int | None:
    return None if quota is None else max(0, quota - used_24h(line))
