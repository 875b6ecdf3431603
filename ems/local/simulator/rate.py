"""The account's two quotas as SES keeps them. Both count recipients, not calls."""

from collections import deque
from dataclasses import dataclass

DAY_SECONDS = 86_400.0
BUCKET_SECONDS = 60.0
WHOLE_RECIPIENT = 1.0 - 1e-9


class SendRate:
    """MaxSendRate: a bucket that holds one second's recipients and may go into debt.

    A call passes while any quota is left, however many recipients it has; they are owed then, and every call fails
    until the debt is repaid: "5 recipients at 1/s: errors for the next 5 s" (AWS Messaging blog, "What happens when
    you reach your sending limits"). The smallest quota that can be left is one recipient's.
    """

    def __init__(self, *, rate: float, now: float) -> None:
        self.rate = rate
        self._left = self._capacity()
        self._at = now

    def admit(self, recipients: int, *, now: float) -> bool:
        """Take the quota of a call with *recipients* at *now* (monotonic seconds), or refuse it."""
        self._refill(now)
        if self._left < WHOLE_RECIPIENT:
            return False
        self._left -= recipients
        return True

    def change(self, rate: float, *, now: float) -> None:
        """Go on at another rate; a debt stays a debt."""
        self._refill(now)
        self.rate = rate
        self._left = min(self._left, self._capacity())

    def forgive(self, *, now: float) -> None:
        """Begin with a full bucket."""
        self._left, self._at = self._capacity(), now

    def _refill(self, now: float) -> None:
        self._left = min(self._capacity(), self._left + max(0.0, now - self._at) * self.rate)
        self._at = max(self._at, now)

    def _capacity(self) -> float:
        return max(self.rate, 1.0)


class DailyQuota:
    """Max24HourSend over a rolling window, kept by the minute; -1 is unlimited."""

    def __init__(self, *, limit: float) -> None:
        self.limit = limit
        self._sent = 0
        self._buckets: deque[tuple[float, int]] = deque()

    def has_room(self, recipients: int, *, now: float) -> bool:
        """Say whether *recipients* more fit at *now* (monotonic seconds)."""
        return self.limit < 0 or self.sent(now=now) + recipients <= self.limit

    def count(self, recipients: int, *, now: float) -> None:
        """Record accepted recipients."""
        if self._buckets and now - self._buckets[-1][0] < BUCKET_SECONDS:
            start, sent = self._buckets.pop()
            self._buckets.append((start, sent + recipients))
        else:
            self._buckets.append((now, recipients))
        self._sent += recipients

    def forget(self) -> None:
        """Begin with nothing sent."""
        self._buckets.clear()
        self._sent = 0

    def sent(self, *, now: float) -> int:
        """Return the recipients accepted in the last 24 hours."""
        while self._buckets and now - self._buckets[0][0] >= DAY_SECONDS:
            self._sent -= self._buckets.popleft()[1]
        return self._sent


@dataclass(frozen=True, slots=True)
class Quotas:
    """Both together."""

    rate: SendRate
    daily: DailyQuota
