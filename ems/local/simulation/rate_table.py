"""The governor's item in memory: what each conditional write of :mod:`ems.store.rate` means, said in Python.

The integration tests hold this against DynamoDB's own verdict.
"""

from dataclasses import replace

from ems.store.rate_item import REVISED, Booked, Booking, Line, Refused


class RateTable:
    """One line; the methods are those of :class:`ems.governor.store.RateStore`. Not safe between threads."""

    def __init__(self, line: Line | None = None) -> None:
        self.line = line

    def read(self) -> Line | None:
        """Return the line; None before its first use."""
        return self.line

    def book(self, booking: Booking) -> Booked | Refused:
        """Move the line if all that *booking* names still holds."""
        line = self.line
        if line is None or not _holds(line, booking):
            return Refused(line)
        start = booking.now if booking.idle else line.next_at
        self.line = _moved(line, booking, start)
        return Booked(start, self.line)

    def revise(self, line: Line) -> Line | Refused:
        """Store the rate, quota and penalty of *line* if its revision still holds."""
        if self.line is None or self.line.revision != line.revision:
            return Refused(self.line)
        changes = {name: getattr(line, name) for name in REVISED}
        self.line = replace(self.line, revision=line.revision + 1, **changes)
        return self.line

    def claim_refresh(self, *, now: int, every: int) -> Line | None:
        """Claim the reading of the account for *every* microseconds; None when another process has it."""
        if self.line is not None and self.line.refresh_at > now - every:
            return None
        self.line = replace(self.line or Line(), refresh_at=now)
        return self.line


def _holds(line: Line, booking: Booking) -> bool:
    start = booking.now if booking.idle else line.next_at
    return (
        line.revision == booking.revision
        and (line.next_at < booking.now if booking.idle else booking.now <= line.next_at <= booking.latest)
        and (booking.granted_at_most is None or line.granted <= booking.granted_at_most)
        and (booking.gap is None or line.bulk_at <= start)
    )


def _moved(line: Line, booking: Booking, start: int) -> Line:
    used = {second: recipients for second, recipients in line.used.items() if second not in booking.forgotten}
    used[booking.second] = used.get(booking.second, 0) + booking.recipients
    return replace(
        line,
        next_at=start + booking.cost,
        granted=line.granted + booking.recipients,
        used=used,
        bulk_at=line.bulk_at if booking.gap is None else start + booking.gap,
    )
