"""What the governor needs of a store; :class:`ems.store.rate.DynamoRateStore` is the one in use."""

from typing import Protocol

from ems.store.rate_item import Booked, Booking, Line, Refused


class RateStore(Protocol):
    """One line, shared by every process. Times are microseconds. Methods raise UnavailableError."""

    def read(self) -> Line | None:
        """Return the line; None before its first use."""

    def book(self, booking: Booking) -> Booked | Refused:
        """Move the line, atomically, if all that *booking* names still holds."""

    def revise(self, line: Line) -> Line | Refused:
        """Store the rate, quota and penalty of *line*, atomically, if its revision still holds."""

    def claim_refresh(self, *, now: int, every: int) -> Line | None:
        """Claim the reading of the account for *every* microseconds; None when another process has it."""
