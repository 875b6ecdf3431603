"""The governor's line as ``email-rate`` holds it: one item, integers only, and how it is written and read.

Integers, because DynamoDB refuses floats and because a slot must not depend on rounding: times are microseconds since
the epoch, rates thousandths of a recipient a second. The item stays under 1 KB, so that a lease costs one write unit.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from ems.errors import UnavailableError

RING = 72
"""Seconds of usage that the item keeps: a minute, the current second and what the longest horizon books ahead."""

COUNTERS = tuple(f"u{index:02}" for index in range(RING))
"""One attribute a second: the recipients whose slots start in it, at the second's place in the ring."""

HOURS = 25
"""Hours of which the item keeps where ``granted`` stood at their beginning: those that 24 hours can touch."""

Item = Mapping[str, Mapping[str, Any]]
"""A DynamoDB item in the wire form of the low-level client: ``{"next_at": {"N": "1"}, ...}``."""


class MalformedLineError(UnavailableError):
    """The item of ``email-rate`` is not a line; the message says what to do."""

    def __init__(self, detail: str) -> None:
        super().__init__("the send rate", f"its item of email-rate {detail}; delete the item and it is built anew")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The state of the line that every lease goes through.

    Attributes:
        next_at: When the line is free; never moves back.
        bulk_at: Earliest start of the next bulk call; moves only where bulk calls a second are capped.
        granted: Recipients granted since the item exists.
        revision: Counts the changes of every attribute below, so that nobody grants on a stale rate or quota.
        send_limit: The account's MaxSendRate; 0 when it was never read.
        sending: 0 when the account may not send now.
        max_24h: The account's Max24HourSend in recipients; -1 is unlimited.
        sent_24h: SentLast24Hours when the account was read.
        sampled_at: When the account was read; 0 is never.
        granted_at_sample: ``granted`` just before the account was read.
        penalty_rate: The rate right after the last throttle.
        penalty_at: When that throttle was recorded; 0 is never.
        refresh_at: When a process last claimed the reading of the account.
        hours: ``granted`` at the beginning of each hour, as far as a reading saw it; hour h (since the epoch) is at
            ``h % HOURS``. Empty before the first reading.
        tick: The newest second (since the epoch) that ``ring`` counts.
        ring: Recipients by second of their slot; second s is at ``s % RING``.
    """

    next_at: int = 0
    bulk_at: int = 0
    granted: int = 0
    revision: int = 0
    send_limit: int = 0
    sending: int = 1
    max_24h: int = -1
    sent_24h: int = 0
    sampled_at: int = 0
    granted_at_sample: int = 0
    penalty_rate: int = 0
    penalty_at: int = 0
    refresh_at: int = 0
    hours: tuple[int, ...] = ()
    tick: int = 0
    ring: tuple[int, ...] = (0,) * RING

    def granted_in(self, second: int) -> int:
        """Return the recipients whose slots start in *second* (since the epoch), 0 where the ring has forgotten."""
        return self.ring[second % RING] if self.tick - RING < second <= self.tick else 0


SCALARS = tuple(field.name for field in fields(Line) if field.name not in {"ring", "hours"})
"""The attributes of the item that are one number each."""

REVISED = (
    "send_limit",
    "sending",
    "max_24h",
    "sent_24h",
    "sampled_at",
    "granted_at_sample",
    "penalty_rate",
    "penalty_at",
    "hours",
)
"""The attributes that change together with ``revision``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """One conditional move of the line: what it costs, and all that must still hold when the store makes it.

    Attributes:
        recipients: Recipients to grant.
        cost: Microseconds by which the line moves.
        idle: True restarts the line at ``now`` and holds only when it is free before; False appends to it.
        now: The booking process's time.
        latest: The line may not be ahead of this when the booking appends to it.
        revision: The ``revision`` that cost and quota were computed from.
        granted_at_most: ``granted`` may not be beyond this before the move (the quota); None where there is no quota.
        gap: Microseconds from this start to the next bulk call's; None leaves ``bulk_at`` alone.
        seen_tick: The ``tick`` that ``tick`` was computed from.
        tick: The second to count the recipients in; at least ``seen_tick``.
    """

    recipients: int
    cost: int
    idle: bool
    now: int
    latest: int
    revision: int
    granted_at_most: int | None
    gap: int | None
    seen_tick: int
    tick: int

    @property
    def forgotten(self) -> list[int]:
        """The places of the ring whose seconds passed without a grant, to be cleared by whoever moves ``tick``."""
        first = max(self.seen_tick + 1, self.tick - RING + 1)
        return [second % RING for second in range(first, self.tick)]


@dataclass(frozen=True, slots=True)
class Booked:
    """The line moved. ``start_at`` is the first slot (microseconds), ``line`` the state after the move."""

    start_at: int
    line: Line


@dataclass(frozen=True, slots=True)
class Refused:
    """A condition did not hold. ``line`` is what the store holds now; None when it holds no line yet."""

    line: Line | None


def number(value: int) -> dict[str, str]:
    """Write an integer as DynamoDB's wire form."""
    return {"N": str(value)}


def wire(value: int | tuple[int, ...]) -> dict[str, Any]:
    """Write an attribute of the line as DynamoDB's wire form."""
    return number(value) if isinstance(value, int) else {"L": [number(one) for one in value]}


def parse_line(item: Item) -> Line:
    """Read the item.

    Raises:
        MalformedLineError: An attribute is missing or no integer.
    """
    try:
        scalars = {name: int(item[name]["N"]) for name in SCALARS}
        ring = tuple(int(item[name]["N"]) if name in item else 0 for name in COUNTERS)
        hours = tuple(int(one["N"]) for one in item["hours"]["L"]) if "hours" in item else ()
    except (KeyError, ValueError) as error:
        raise MalformedLineError(f"cannot be read ({error!r})") from error
    return Line(ring=ring, hours=hours, **scalars)
