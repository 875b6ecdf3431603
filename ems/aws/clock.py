"""How far this process's clock is off, from the ``Date`` headers of AWS's answers. No requests of its own.

``Date`` has a resolution of one second (RFC 9110, section 5.6.7), so one answer says little: the server wrote D at a
moment of its clock within [D, D + 1 + staleness), which was a moment of ours between sending the request and having
the answer. So our clock is ahead by at least ``sent - (D + 1 + staleness)`` and at most ``received - D``. Many answers
meet the second at different points, and their intervals intersect in a narrow one (cf. Marzullo, "Maintaining the
time in a distributed system", 1984); an interval that is wholly beyond the tolerance proves a wrong clock.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.client import BaseClient

STALENESS_SECONDS = 2.0
"""How old a ``Date`` may be, of any server: uvicorn, for one, renews it every ten turns of a loop that sleeps 0.1 s,
which takes longer than a second under load. A smaller value, for servers that write it anew into every answer, proves
smaller errors of a clock that is ahead; one that is behind is proved as well either way."""

WINDOW_SECONDS = 30.0
"""A bound counts for once to twice as long: clocks drift, and a mended one must be believed soon."""


@dataclass(frozen=True, slots=True)
class Offset:
    """Bounds, in seconds, of how far this clock is ahead of the server's (negative: behind)."""

    least: float
    most: float

    def __and__(self, other: "Offset") -> "Offset":
        return Offset(max(self.least, other.least), min(self.most, other.most))

    @property
    def possible(self) -> bool:
        """False when no offset fits: the bounds come from before and after a step of a clock."""
        return self.least <= self.most

    def exceeds(self, seconds: float) -> bool:
        """Tell whether every offset within the bounds is off by more than *seconds*, in either direction."""
        return self.least > seconds or self.most < -seconds


ANY = Offset(float("-inf"), float("inf"))


def offset_of(*, sent: float, received: float, date: float, staleness: float = STALENESS_SECONDS) -> Offset:
    """Return what one answer says. Times are epoch seconds: of our clock, and ``date`` of the server's."""
    return Offset(sent - (date + 1 + staleness), received - date)


class SkewMeter:
    """Intersects what the answers of the last half to whole minute say. Safe between threads.

    Args:
        staleness: How old, in seconds, a ``Date`` header of the attached clients' servers may be.
        clock: The clock that is measured, in epoch seconds.
    """

    def __init__(self, *, staleness: float = STALENESS_SECONDS, clock: Callable[[], float] = time.time) -> None:
        self._staleness = staleness
        self._clock = clock
        self._lock = threading.Lock()
        self._recent = ANY
        self._older = ANY
        self._since: float | None = None
        self._call = threading.local()

    def observe(self, *, sent: float, received: float, date: float) -> None:
        """Take in one answer; epoch seconds, ``date`` from its header."""
        seen = offset_of(sent=sent, received=received, date=date, staleness=self._staleness)
        with self._lock:
            self._age(received)
            if (seen & self._recent & self._older).possible:
                self._recent &= seen
            else:
                self._recent, self._older, self._since = seen, ANY, received

    def skew_exceeds(self, seconds: float) -> bool:
        """Tell whether the answers prove that this clock is off by more than *seconds*."""
        with self._lock:
            return (self._recent & self._older).exceeds(seconds)

    def bounds(self) -> tuple[float, float] | None:
        """Return the least and the most that this clock is ahead; None before the first answer."""
        with self._lock:
            offset = self._recent & self._older
        return None if offset == ANY else (offset.least, offset.most)

    def attach(self, client: BaseClient) -> None:
        """Observe every answer that *client* gets from now on."""
        client.meta.events.register("before-send", self._before_send)
        client.meta.events.register("response-received", self._response_received)

    def _age(self, now: float) -> None:
        if self._since is None or not 0 <= now - self._since < 2 * WINDOW_SECONDS:
            self._recent, self._older, self._since = ANY, ANY, now
        elif now - self._since >= WINDOW_SECONDS:
            self._recent, self._older, self._since = ANY, self._recent, now

    def _before_send(self, **_: Any) -> None:
        self._call.sent = self._clock()

    def _response_received(self, *, response_dict: dict[str, Any] | None, **_: Any) -> None:
        sent = getattr(self._call, "sent", None)
        if response_dict is None or sent is None:
            return
        header = response_dict["headers"].get("Date")
        date = _epoch(header) if header else None
        if date is not None:
            self.observe(sent=sent, received=self._clock(), date=date)


def _epoch(header: str) -> float | None:
    try:
        return parsedate_to_datetime(header).timestamp()
    except ValueError:
        return None  # an answer without a readable date measures nothing
