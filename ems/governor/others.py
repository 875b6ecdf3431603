"""How much of the line other processes book, and so where its end is by now.

A process sees the line when it books, and by its next booking others have moved it. It knows how much they moved it
lately; guessing that they go on saves most of the requests that would be refused because the line is not where it was
last seen. A wrong guess costs one request: the store grants only what really holds.
"""

from dataclasses import replace
from math import exp
from threading import Lock

from ems.governor.line import effective_rate
from ems.governor.policy import Policy
from ems.store.rate_item import MILLI, SECOND, Line

MEMORY_SECONDS = 0.5
"""After so long an observation counts a third of what it did."""

MOST = 0.8
"""Others are never expected to book more than this share: somebody has to look whether they still do."""


class Others:
    """What one process knows of the others, from the line as it sees it again and again. Safe between threads."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._lock = Lock()
        self._seen: Line | None = None
        self._seen_at = 0
        self._share = 0.0

    @property
    def share(self) -> float:
        """Share of the line's time that others booked lately, from 0 to 0.95."""
        return min(self._share, MOST)

    def saw(self, line: Line, *, own: int, at: int) -> None:
        """Take note of the *line* at *at* (microseconds), which holds *own* recipients that were not in it before."""
        with self._lock:
            if self._seen is not None and at > self._seen_at:
                elapsed = (at - self._seen_at) / SECOND
                recipients = max(0, line.granted - self._seen.granted - own)
                taken = recipients * MILLI / max(effective_rate(line, now=at, policy=self._policy), 1)
                weight = 1 - exp(-elapsed / MEMORY_SECONDS)
                self._share += (min(1.0, taken / elapsed) - self._share) * weight
            self._seen, self._seen_at = line, at

    def expected(self, line: Line, *, at: int) -> Line:
        """Return *line*, which is the one last seen, as it is expected to be at *at* (microseconds)."""
        return replace(line, next_at=line.next_at + round(self.share * max(0, at - self._seen_at)))
