"""How the governor is set: the same for every process of a deployment."""

import math
from dataclasses import dataclass
from typing import Literal, Self

from ems.settings import Settings

Lane = Literal["transactional", "bulk"]

MAX_CALL_SIZE = 50
"""Recipients that SES takes in one call (SES Developer Guide, "Service quotas")."""

CALL_SECONDS = 0.02
"""A call's share of the line: small, so that the line stays smooth and a person's mail waits little."""

JITTER_SECONDS = 0.005
"""By how much the ways of calls to SES may differ unnoticed: too little to tell a stall by (docs/adr/0021)."""

CALLS_AHEAD = 3
"""Bulk calls that may be booked however slow the line is."""

CALLS_UNDER_WAY = 10
"""Chunks that should lie before the senders: each has one call under way at a time, so with calls of 2 % of a second
these use the whole rate while a call, with its lease and its records, takes up to 200 ms."""

CHUNK_SIZES = range(5, MAX_CALL_SIZE + 1)
"""A chunk costs about five requests of its own, so it is not smaller than that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Attributes are recipients a second, fractions and seconds.

    Attributes:
        max_send_rate: The limit by setting; None takes the account's.
        headroom: Share of the limit that is left unused; it pays for calls that are held up (:meth:`slack`).
        daily_reserve: Share of the 24-hour quota that only transactional mail may use.
        bulk_horizon: How far ahead of now a bulk call may start.
        transactional_horizon: The same for a transactional call; longer, so that it overtakes.
        tolerance: How late a slot may be taken. Later, it is given up and leased anew.
        refresh_seconds: How old the account's reading may get.
        call_size: Recipients of one call by setting; None follows the rate.
        bulk_calls_per_second: Cap on bulk calls; None is no cap.
        max_skew: Clock error beyond which a process must not send.
        release_seconds: How much of the campaigns lies before the senders, in seconds of sending.
    """

    max_send_rate: float | None = None
    headroom: float = 0.05
    daily_reserve: float = 0.10
    bulk_horizon: float = 0.125
    transactional_horizon: float = 5.0
    tolerance: float = 0.05
    refresh_seconds: float = 50.0
    call_size: int | None = None
    bulk_calls_per_second: float | None = None
    max_skew: float = 0.25
    release_seconds: float = 2.0

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Take what the settings say; the rest are the defaults above."""
        return cls(
            max_send_rate=None if settings.max_send_rate == "auto" else settings.max_send_rate,
            headroom=settings.rate_headroom,
            daily_reserve=settings.daily_reserve,
            refresh_seconds=settings.account_refresh_seconds,
            call_size=settings.ses_call_size,
            bulk_calls_per_second=settings.ses_bulk_calls_per_second,
            release_seconds=settings.release_seconds,
        )

    def horizon(self, lane: Lane, *, rate: float) -> float:
        """Return how far ahead *lane* may book when *rate* recipients a second are in force.

        Bulk at least two calls further than the one that leaves next, or the line would stand still while a sender
        asks for its next slot.
        """
        if lane == "transactional":
            return self.transactional_horizon
        return max(self.bulk_horizon, CALLS_AHEAD * self.size_of_call(rate) / rate if rate else 0.0)

    def slack(self, limit: float) -> float:
        """Return how many seconds more than one of slots SES may see within a second, at *limit* a second.

        What headroom pays for: with W = 1 + slack the bound of :mod:`ems.governor.line` is *limit*. Where calls differ
        in size, one recipient less, for what the way to SES varies; and less the jitter that nobody notices.
        """
        if not limit:
            return 0.0
        size = self.size_of_call(limit)
        mixed = size if size > 1 else 0
        return max(0.0, (limit - mixed) / (limit * (1 - self.headroom)) - 1 - JITTER_SECONDS)

    def size_of_call(self, limit: float) -> int:
        """Return the recipients of one call at *limit* recipients a second, from 1 to 50.

        With a cap on bulk calls a call is large enough to use the rate at that cap, as far as 50 allow.
        """
        if self.call_size is not None:
            return self.call_size
        smooth = math.floor(limit * CALL_SECONDS)
        needed = math.ceil(limit / self.bulk_calls_per_second) if self.bulk_calls_per_second else 1
        return min(max(smooth, needed, 1), MAX_CALL_SIZE)

    def size_of_chunk(self, limit: float) -> int:
        """Return the recipients of one chunk at *limit* recipients a second: whole calls, from 5 to 50 recipients.

        As many chunks as can be sent in ``release_seconds`` must have enough calls under way between them, or the line
        stands still while SES answers (docs/adr/0016). The largest where no limit is known (0).
        """
        if not limit:
            return CHUNK_SIZES[-1]
        call = self.size_of_call(limit)
        share = limit * self.release_seconds / CALLS_UNDER_WAY
        calls = min(max(round(share / call), 1), CHUNK_SIZES[-1] // call)
        return max(calls * call, CHUNK_SIZES[0])
