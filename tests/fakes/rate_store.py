"""The governor's store in memory, under one lock."""

from threading import Lock

from ems.errors import UnavailableError
from ems.local.simulation.rate_table import RateTable
from ems.store.rate_item import Booked, Booking, Line, Refused


class MemoryRateStore:
    """Set ``down`` to make every call fail. ``bookings`` keeps every booking that was made, with its start."""

    def __init__(self, line: Line | None = None) -> None:
        self.down = False
        self.requests = 0
        self.bookings: list[tuple[int, Booking]] = []
        self._table = RateTable(line)
        self._lock = Lock()

    @property
    def line(self) -> Line | None:
        return self._table.line

    @line.setter
    def line(self, line: Line | None) -> None:
        self._table.line = line

    def read(self) -> Line | None:
        self._reach()
        return self._table.read()

    def book(self, booking: Booking) -> Booked | Refused:
        self._reach()
        with self._lock:
            self.requests += 1
            outcome = self._table.book(booking)
            if isinstance(outcome, Booked):
                self.bookings.append((outcome.start_at, booking))
            return outcome

    def revise(self, line: Line) -> Line | Refused:
        self._reach()
        with self._lock:
            return self._table.revise(line)

    def claim_refresh(self, *, now: int, every: int) -> Line | None:
        self._reach()
        with self._lock:
            return self._table.claim_refresh(now=now, every=every)

    def _reach(self) -> None:
        if self.down:
            raise UnavailableError("DynamoDB", "down on purpose")
