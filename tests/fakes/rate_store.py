"""The governor's store in memory, under one lock: what each conditional write means, said in Python."""

from dataclasses import replace
from threading import Lock

from ems.errors import UnavailableError
from ems.store.rate_item import REVISED, RING, Booked, Booking, Line, Refused


class MemoryRateStore:
    """Set ``down`` to make every call fail. ``bookings`` keeps every booking that was made, with its start."""

    def __init__(self, line: Line | None = None) -> None:
        self.line = line
        self.down = False
        self.requests = 0
        self.bookings: list[tuple[int, Booking]] = []
        self._lock = Lock()

    def read(self) -> Line | None:
        self._reach()
        return self.line

    def book(self, booking: Booking) -> Booked | Refused:
        self._reach()
        with self._lock:
            self.requests += 1
            line = self.line
            if line is None or not _holds(line, booking):
                return Refused(line)
            start = booking.now if booking.idle else line.next_at
            self.line = _moved(line, booking, start)
            self.bookings.append((start, booking))
            return Booked(start, self.line)

    def revise(self, line: Line) -> Line | Refused:
        self._reach()
        with self._lock:
            if self.line is None or self.line.revision != line.revision:
                return Refused(self.line)
            changes = {name: getattr(line, name) for name in REVISED}
            self.line = replace(self.line, revision=line.revision + 1, **changes)
            return self.line

    def claim_refresh(self, *, now: int, every: int) -> Line | None:
        self._reach()
        with self._lock:
            if self.line is not None and self.line.refresh_at > now - every:
                return None
            self.line = replace(self.line or Line(), refresh_at=now)
            return self.line

    def _reach(self) -> None:
        if self.down:
            raise UnavailableError("DynamoDB", "down on purpose")


def _holds(line: Line, booking: Booking) -> bool:
    start = booking.now if booking.idle else line.next_at
    return (
        line.revision == booking.revision
        and line.tick == booking.seen_tick
        and (line.next_at < booking.now if booking.idle else booking.now <= line.next_at <= booking.latest)
        and (booking.granted_at_most is None or line.granted <= booking.granted_at_most)
        and (booking.gap is None or line.bulk_at <= start)
    )


def _moved(line: Line, booking: Booking, start: int) -> Line:
    ring = list(line.ring)
    if booking.tick != booking.seen_tick:
        for place in [*booking.forgotten, booking.tick % RING]:
            ring[place] = 0
    ring[booking.tick % RING] += booking.recipients
    return replace(
        line,
        next_at=start + booking.cost,
        granted=line.granted + booking.recipients,
        tick=booking.tick,
        ring=tuple(ring),
        bulk_at=line.bulk_at if booking.gap is None else start + booking.gap,
    )
