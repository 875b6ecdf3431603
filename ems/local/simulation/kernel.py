"""Virtual time for real code: threads that run one at a time, and a clock that jumps to whatever happens next.

The code under simulation blocks as it would in production, only that its waits (:class:`ems.governor.waits.Waits`)
and sleeps are the kernel's. A thread that blocks hands the baton back; the kernel moves the clock to the next event
and hands the baton on. Exactly one thread runs at any moment and ties are taken in order, so the same seed gives the
same run to the last digit.
"""

import heapq
from collections.abc import Callable
from itertools import count
from threading import Lock, Thread
from types import TracebackType

from ems.governor.waits import Waits

Action = Callable[[], None]

TIMER_SLACK_SECONDS = 50e-6
"""How late every timed wait ends: Linux's default slack (prctl(2), PR_SET_TIMERSLACK). Time passes in every wait."""


class KilledError(BaseException):
    """Raised where a killed thread waits. No Exception, so that nothing on the way takes it for a failure."""


class Host:
    """A machine: its threads stand still together and die together."""

    def __init__(self) -> None:
        self.paused_until = 0.0
        self.threads: dict[int, SimulatedThread] = {}


class SimulatedThread(Thread):
    """A thread that runs while it has the baton."""

    def __init__(self, work: Action, host: Host, number: int, baton: Lock) -> None:
        super().__init__(name=f"ems-simulated-{number}", daemon=True)
        self.host = host
        self.killed = False
        self.ended = False
        self.failure: BaseException | None = None
        self._work = work
        self._number = number
        self._baton = baton
        self._turn = Lock()
        self._turn.acquire()
        host.threads[number] = self

    def run(self) -> None:
        """Do the work once the first turn comes."""
        self._turn.acquire()
        try:
            if not self.killed:
                self._work()
        except KilledError:
            pass
        except BaseException as error:  # noqa: BLE001 - the kernel raises it in the thread that runs the simulation
            self.failure = error
        finally:
            self.ended = True
            del self.host.threads[self._number]
            self._baton.release()

    def take_turn(self) -> None:
        """Let this thread run until it blocks or ends; the kernel's side of the hand-over."""
        self._turn.release()
        self._baton.acquire()

    def give_turn_back(self) -> None:
        """Block until the next turn; this thread's side of the hand-over."""
        if not self.killed:
            self._baton.release()
            self._turn.acquire()
        if self.killed:
            raise KilledError


class Kernel:
    """Runs events in order of time (seconds from 0). Use only from events and from threads that it started."""

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Action]] = []
        self._order = count()
        self._baton = Lock()
        self._baton.acquire()
        self._running: SimulatedThread | None = None

    def waits(self) -> Waits:
        """Return signals and monitors by this kernel's clock."""
        return Waits(signal=lambda: _Signal(self), monitor=lambda: _Monitor(self), monotonic=lambda: self.now)

    def at(self, when: float, action: Action) -> None:
        """Have *action*, which must not block, happen at *when*."""
        heapq.heappush(self._events, (max(when, self.now), next(self._order), action))

    def start(self, work: Action, *, host: Host) -> None:
        """Start a thread of *host* that does *work*."""
        thread = SimulatedThread(work, host, next(self._order), self._baton)
        thread.start()
        self.at(self.now, lambda: self.resume(thread))

    def sleep(self, seconds: float) -> None:
        """Block the running thread for *seconds*, and for as long as its host stands still."""
        waiter = Waiter(self)
        self.at(self.now + seconds + TIMER_SLACK_SECONDS, waiter.wake)
        waiter.wait()

    def kill(self, host: Host) -> None:
        """End every thread of *host* where it stands. What it asked of others before happens all the same."""
        for thread in list(host.threads.values()):
            thread.killed = True
            self.resume(thread)

    def run(self, *, until: float) -> None:
        """Let everything happen up to *until*; what a thread raised is raised here."""
        while self._events and self._events[0][0] <= until:
            self.now, _, action = heapq.heappop(self._events)
            action()
        self.now = until

    def resume(self, thread: SimulatedThread) -> None:
        """Let *thread* run until it blocks or ends."""
        if thread.ended:
            return
        self._running = thread
        thread.take_turn()
        self._running = None
        if thread.failure is not None:
            raise thread.failure

    def running(self) -> SimulatedThread:
        """Return the thread that runs.

        Raises:
            RuntimeError: An event blocks, or a thread that is not of the simulation.
        """
        if self._running is None:
            raise RuntimeError("only threads of the simulation may wait")
        return self._running


class Waiter:
    """One wait of the running thread. The first to wake it wins; later ones do nothing."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._thread = kernel.running()
        self._woken = False

    def wait(self) -> None:
        """Block until :meth:`wake`."""
        self._thread.give_turn_back()

    def wake(self) -> None:
        """Let the thread go on, once its host does. For events only."""
        if self._woken:
            return
        paused_until = self._thread.host.paused_until
        if paused_until > self._kernel.now:
            self._kernel.at(paused_until, self.wake)
            return
        self._woken = True
        self._kernel.resume(self._thread)


class _Waiting:
    """Threads that wait for the same thing."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._waiters: list[Waiter] = []

    def wait(self, timeout: float | None) -> None:
        waiter = Waiter(self._kernel)
        if timeout is not None:
            self._kernel.at(self._kernel.now + timeout + TIMER_SLACK_SECONDS, waiter.wake)
        self._waiters.append(waiter)
        waiter.wait()
        if waiter in self._waiters:
            self._waiters.remove(waiter)

    def wake_all(self) -> None:
        for waiter in self._waiters:
            self._kernel.at(self._kernel.now, waiter.wake)
        self._waiters.clear()


class _Signal:
    """:class:`ems.governor.waits.Signal` by the kernel's clock."""

    def __init__(self, kernel: Kernel) -> None:
        self._waiting = _Waiting(kernel)
        self._set = False

    def set(self) -> None:
        self._set = True
        self._waiting.wake_all()

    def is_set(self) -> bool:
        return self._set

    def wait(self, timeout: float | None = None) -> bool:
        if not self._set:
            self._waiting.wait(timeout)
        return self._set


class _Monitor:
    """:class:`ems.governor.waits.Monitor` by the kernel's clock; one thread runs at a time, so entering is free."""

    def __init__(self, kernel: Kernel) -> None:
        self._waiting = _Waiting(kernel)

    def __enter__(self) -> bool:
        return True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        pass

    def wait(self, timeout: float | None = None) -> bool:
        self._waiting.wait(timeout)
        return True

    def notify_all(self) -> None:
        self._waiting.wake_all()
