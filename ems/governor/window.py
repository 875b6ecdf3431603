"""What this process may have sent within any second, as SES may see it.

The line spaces the calls of all processes as they leave. SES counts them as they arrive, and a stall on the way (of the
network, of SES, of this machine) lets calls arrive together that left apart. So a process also keeps what SES may have
counted of its calls in any second at or under what its own slots in the last second, and ``tolerance`` more, add up to.
All slots of all processes are on one line, so the sum of what SES may have counted stays under the line's own bound
(:mod:`ems.governor.line`, W = 1 + tolerance), however the delays fall. When nothing stalls the window is always open.

**When SES counted a call.** Somewhere between leaving and answer. What three of four recent calls took at the least is
the way without a stall: the same for all, it shifts all calls alike and bunches none. What a call took longer, it may
have been held up before it was counted. So, by a clock that lags by the undisturbed way there, SES counted it between
its leaving and its answer less that time, and it is held against this process until a second after the latter.

**After a stall.** A call that SES counted late meets those of the slots after it, which other processes may use. So
whoever had the late call leaves out as many of its own slots, and at once: since *any* moment of the last second SES
may have counted no more of its calls than its slots since that moment add up to. Late is what comes later than nine of
ten recent calls do, or an SES whose answers vary would cost slots all the time. (docs/adr/0021 has what stricter and
laxer readings cost.)
"""

from collections import deque

from ems.governor.lease import Lease
from ems.governor.waits import OF_THREADS, Waits

SECOND = 1.0

RECENT_CALLS = 100
"""Enough to tell stalls from the way without one, few enough to follow SES when it slows down."""

UNDISTURBED, USUAL = 0.25, 0.9
"""Shares of the recent calls: what a quarter took at most is the undisturbed way; what nine of ten took is no stall."""

FEW_CALLS = 8
"""From fewer nobody can tell."""


class CallWindow:
    """Recipients in calls of the last second. *tolerance* is in seconds. Safe between threads."""

    def __init__(self, waits: Waits = OF_THREADS, *, tolerance: float) -> None:
        self._clock = waits.monotonic
        self._tolerance = tolerance
        self._slots: deque[tuple[float, int]] = deque()
        self._awaited: dict[Lease, float] = {}
        self._answered: list[tuple[float, int]] = []
        self._durations: deque[float] = deque(maxlen=RECENT_CALLS)
        self._changed = waits.monitor()

    def enter(self, lease: Lease, *, late: float, slack: float) -> bool:
        """Enter with the call of *lease*, whose slot began *late* seconds ago, as soon as it fits.

        False when it does not fit before the slot has passed. A call enters an empty window whatever its size.
        """
        slot = self._clock() - late
        deadline = slot + self._tolerance
        with self._changed:
            self._slots.append((slot, lease.n))
            while not self._fits(lease.n, slack):
                now = self._clock()
                if now >= deadline:
                    return False
                leaves = min((at for at, _ in self._answered), default=deadline) + SECOND
                self._changed.wait(max(0.0, min(leaves, deadline) - now))
            self._awaited[lease] = self._clock()
            return True

    def leave(self, lease: Lease) -> None:
        """Note that the call of *lease* was answered, or given up."""
        with self._changed:
            now, entered = self._clock(), self._awaited.pop(lease)
            self._durations.append(now - entered)
            undisturbed, _usual = self._way()
            self._answered.append((max(entered, now - undisturbed), lease.n))
            self._changed.notify_all()

    def _way(self) -> tuple[float, float]:
        """Return the seconds that a call takes without a stall, and the most that it usually takes."""
        known = len(self._durations)
        if known < FEW_CALLS:
            return 0.0, 0.0
        durations = sorted(self._durations)
        return durations[int(known * UNDISTURBED)], durations[int(known * USUAL)]

    def _fits(self, n: int, slack: float) -> bool:
        """Tell whether a call of *n* more keeps the second that ends now within its slots, and no stall is unpaid."""
        horizon = self._clock() - SECOND
        undisturbed, usual = self._way()
        patience = slack + usual - undisturbed
        self._answered = [(at, size) for at, size in self._answered if at > horizon]
        while self._slots and self._slots[0][0] <= horizon - patience:
            self._slots.popleft()
        within = sum(lease.n for lease in self._awaited) + sum(size for _, size in self._answered)
        return within == 0 or (
            within + n <= sum(size for at, size in self._slots if at > horizon - slack)
            and self._has_caught_up(n, patience)
        )

    def _has_caught_up(self, n: int, patience: float) -> bool:
        """Tell whether SES counted, since any moment of the last second, no more than the slots since then allow.

        A slot allows what is counted until *patience* seconds after it. A call without an answer counts from when it
        left: it may have been late by then, but one that hangs for long holds up nothing. From few calls nobody can
        tell what is late.
        """
        if len(self._durations) < RECENT_CALLS:
            return True
        slots = sorted(self._slots)
        awaited = [(left_at, lease.n) for lease, left_at in self._awaited.items()]
        since = allowed = 0
        for at, size in sorted([*self._answered, *awaited], reverse=True):
            since += size
            while slots and slots[-1][0] > at - patience:
                allowed += slots.pop()[1]
            if since + n > allowed:
                return False
        return True
