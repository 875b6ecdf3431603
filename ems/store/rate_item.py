"""The governor's line as ``email-rate`` holds it: one item, integers only, and how it is written and read.

Integers, because DynamoDB refuses floats and because a slot must not depend on rounding: times are microseconds since
the epoch, rates thousandths of a recipient a second. The item stays under 1 KB, so that a lease costs one write unit.
"""

import string
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from ems.errors import UnavailableError

SECOND = 1_000_000
"""Microseconds: the line's unit of time."""

MILLI = 1_000
"""The line's rates are thousandths of a recipient a second."""

KEPT_SECONDS = 72
"""Seconds of usage that the item keeps: a minute, the current second and what the longest horizon books ahead."""

USED = "u"
"""What the name of a second's attribute begins with (:func:`used_name`)."""

DIGITS = string.digits + string.ascii_lowercase
CODES = len(DIGITS) ** 3
"""Seconds whose names differ: half a day."""

LOOK_AHEAD_SECONDS = 10
"""A slot is counted at most so far from the end of the line; the longest horizon is shorter."""

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
        used: Recipients by the second (since the epoch) in which their slots start.
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
    used: Mapping[int, int] = field(default_factory=dict)

    def granted_in(self, second: int) -> int:
        """Return the recipients whose slots start in *second* (since the epoch); 0 where that is forgotten."""
        return self.used.get(second, 0)


SCALARS = tuple(one.name for one in fields(Line) if one.name not in {"used", "hours"})
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
        second: The second (since the epoch) to count the recipients in.
        forgotten: Seconds whose count is dropped: they are older than what is kept.
    """

    recipients: int
    cost: int
    idle: bool
    now: int
    latest: int
    revision: int
    granted_at_most: int | None
    gap: int | None
    second: int
    forgotten: tuple[int, ...] = ()


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


def used_name(second: int) -> str:
    """Name the attribute that counts the recipients of *second*.

    By the second itself and not by a place in a ring that somebody has to clear first: so a booking adds to it without
    having seen what others booked before. Three characters, since 72 names must fit into a kilobyte with the rest.
    """
    code, name = second % CODES, ""
    for _ in range(3):
        code, digit = divmod(code, len(DIGITS))
        name = DIGITS[digit] + name
    return USED + name


def _used(item: Item, *, newest: int) -> dict[int, int]:
    """Read the counts, each by its last second that is not after *newest*."""
    names = (name for name in item if len(name) == len(USED) + 3 and name.startswith(USED))
    codes = {int(name[len(USED) :], len(DIGITS)): int(item[name]["N"]) for name in names}
    return {newest - (newest - code) % CODES: recipients for code, recipients in codes.items()}


def parse_line(item: Item) -> Line:
    """Read the item.

    Raises:
        MalformedLineError: An attribute is missing or no integer.
    """
    try:
        scalars = {name: int(item[name]["N"]) for name in SCALARS}
        used = _used(item, newest=scalars["next_at"] // SECOND + LOOK_AHEAD_SECONDS)
        hours = tuple(int(one["N"]) for one in item["hours"]["L"]) if "hours" in item else ()
    except (KeyError, ValueError) as error:
        raise MalformedLineError(f"cannot be read ({error!r})") from error
    return Line(used=used, hours=hours, **scalars)
