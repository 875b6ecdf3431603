"""Celery's ``rate_limit``, kept to.

Celery's token bucket holds one token, so that whatever its loop comes late is lost for good: at 1,000 a second more
than half of the tasks. And each task that has to wait brings a timer of its own, all of which fire for one token.

The setting ``worker_consumer = "ems.broker.rate_limit:Consumer"`` puts this in its place.
"""

from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Any

from celery.utils.time import rate
from celery.worker.consumer import Consumer as CeleryConsumer
from kombu.utils.limits import TokenBucket

LATE_SECONDS = 0.25
"""What is made up for: a gap until the next messages come, a loop that was busy. A longer one was idle time, and no
second may hold more than the limit because of what an idle one did not use."""


class Pace(TokenBucket):
    """Lets a task go every ``1 / fill_rate`` seconds, and after a gap as many as it cost, unless it was a long one.

    In any *t* seconds that is at most ``fill_rate * (t + LATE_SECONDS) + 1`` tasks.
    """

    def __init__(self, fill_rate: float, *, clock: Callable[[], float] = monotonic) -> None:
        super().__init__(fill_rate)
        self._interval = 1 / fill_rate
        self._clock = clock
        self._due = clock()
        self.contents: deque[Any] = self.contents  # for the types: tasks that wait, the next one first
        self.timer: Any = None

    def can_consume(self, tokens: int = 1) -> bool:
        """Tell whether the next may go now; when it may, it is taken to go."""
        now = self._clock()
        if now < self._due:
            return False
        if now - self._due > LATE_SECONDS:
            self._due = now
        self._due += tokens * self._interval
        return True

    def expected_time(self, tokens: int = 1) -> float:
        """Return the seconds until the next may go."""
        del tokens  # they are paid for afterwards
        return max(self._due - self._clock(), 0.0)

    def clear_pending(self) -> None:
        """Forget what waits, since its connection is gone, and the timer that was to wake it."""
        super().clear_pending()
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


class Consumer(CeleryConsumer):
    """Celery's consumer, with :class:`Pace` for its buckets and one timer for each."""

    def bucket_for_task(self, type: Any) -> Pace | None:  # noqa: A002 - Celery's name
        """Return the bucket of a task that has a limit."""
        limit: float = rate(getattr(type, "rate_limit", None))  # type: ignore[arg-type]  # None is 0 to it
        return Pace(limit) if limit else None

    def _schedule_bucket_request(self, bucket: Pace) -> None:
        """Pass on what may go now, and see to the rest when the next may."""
        if bucket.timer is not None:
            return
        while bucket.contents and bucket.can_consume():
            request, _tokens = bucket.pop()
            self._limit_move_to_pool(request)  # type: ignore[attr-defined]  # Celery's own
        if bucket.contents:
            bucket.timer = self.timer.call_after(bucket.expected_time(), self._wake, (bucket,))

    def _wake(self, bucket: Pace) -> None:
        bucket.timer = None
        self._schedule_bucket_request(bucket)
