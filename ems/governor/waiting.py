"""Waiting calls of one lane in one process: the first in the queue leads, asks for all, and serves them in turn.

So one process has at most one lease request of a lane under way, however many threads wait.
"""

from collections import deque
from collections.abc import Callable, Iterable
from threading import Lock

from ems.governor.errors import LeaseError
from ems.governor.waits import OF_THREADS, Signal, Waits


class Ticket:
    """One waiting call. Written by the leader before ``woken`` is set, read by its owner after."""

    __slots__ = ("failure", "recipients", "start_at", "woken")

    def __init__(self, recipients: int, woken: Signal) -> None:
        self.recipients = recipients
        self.start_at: int | None = None
        self.failure: Callable[[], LeaseError] | None = None
        self.woken = woken


class WaitingLine:
    """The tickets of one lane, in order of arrival. Safe between threads."""

    def __init__(self, waits: Waits = OF_THREADS) -> None:
        self._waits = waits
        self._lock = Lock()
        self._tickets: deque[Ticket] = deque()

    def join(self, recipients: int) -> Ticket:
        """Queue up behind the others."""
        ticket = Ticket(recipients, self._waits.signal())
        with self._lock:
            self._tickets.append(ticket)
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """Leave the queue, served or not; the next in line leads from here."""
        with self._lock:
            if ticket in self._tickets:
                self._tickets.remove(ticket)
            self._wake_leader()

    def leads(self, ticket: Ticket) -> bool:
        """Tell whether *ticket* is the one to ask for all."""
        with self._lock:
            return bool(self._tickets) and self._tickets[0] is ticket

    def tickets(self) -> tuple[Ticket, ...]:
        """Return those who wait, in order."""
        with self._lock:
            return tuple(self._tickets)

    def serve(self, slots: Iterable[tuple[Ticket, int]]) -> None:
        """Hand out slots (microseconds). The slot of a ticket that left meanwhile is lost: no other fits into it."""
        with self._lock:
            for ticket, start_at in slots:
                if ticket in self._tickets:
                    self._tickets.remove(ticket)
                    ticket.start_at = start_at
                    ticket.woken.set()

    def fail(self, failure: Callable[[], LeaseError]) -> None:
        """Tell every waiting ticket that it will not be served; each raises a failure of its own."""
        with self._lock:
            while self._tickets:
                ticket = self._tickets.popleft()
                ticket.failure = failure
                ticket.woken.set()

    def wake(self) -> None:
        """Let every waiting ticket look around: the process is stopping."""
        with self._lock:
            for ticket in self._tickets:
                ticket.woken.set()

    def _wake_leader(self) -> None:
        if self._tickets:
            self._tickets[0].woken.set()
