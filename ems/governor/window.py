"""What this process may have sent within any second, as SES may see it.

The line spaces the calls of all processes as they leave. SES counts them as they arrive, somewhere between the moment
of leaving and the moment of the answer, and a stall on the way (of the network, of SES, of this machine) lets calls
arrive together that left apart. So a process also keeps the calls whose answer has come within the last second or is
still awaited, the most that SES can have taken from it in any second, at or under the account's limit. When nothing
stalls, the headroom of the line leaves this window always open.
"""

from collections import deque

from ems.governor.waits import OF_THREADS, Waits

SECOND = 1.0


class CallWindow:
    """Recipients in calls of the last second. Safe between threads."""

    def __init__(self, waits: Waits = OF_THREADS) -> None:
        self._clock = waits.monotonic
        self._answered: deque[tuple[float, int]] = deque()
        self._awaited = 0
        self._changed = waits.monitor()

    def enter(self, n: int, *, limit: float, patience: float) -> bool:
        """Enter with *n* recipients once they fit under *limit*; False when that takes longer than *patience* seconds.

        A call that alone is larger than the limit enters when the window is empty.
        """
        deadline = self._clock() + patience
        with self._changed:
            while not self._fits(n, limit):
                now = self._clock()
                if now >= deadline:
                    return False
                next_leaves = self._answered[0][0] + SECOND if self._answered else deadline
                self._changed.wait(max(0.0, min(next_leaves, deadline) - now))
            self._awaited += n
            return True

    def leave(self, n: int) -> None:
        """Note that the call of *n* recipients was answered, or given up."""
        with self._changed:
            self._awaited -= n
            self._answered.append((self._clock(), n))
            self._changed.notify_all()

    def _fits(self, n: int, limit: float) -> bool:
        horizon = self._clock() - SECOND
        while self._answered and self._answered[0][0] <= horizon:
            self._answered.popleft()
        within = self._awaited + sum(recipients for _, recipients in self._answered)
        return within == 0 or within + n <= limit
