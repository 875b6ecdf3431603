"""What a lease is, and what the governor asks of others and counts."""

from dataclasses import dataclass
from typing import Protocol


class ClockCheck(Protocol):
    """What the governor asks of :class:`ems.aws.clock.SkewMeter`."""

    def skew_exceeds(self, seconds: float) -> bool:
        """Tell whether this process's clock is proved to be off by more than *seconds*."""

    def bounds(self) -> tuple[float, float] | None:
        """Return the least and the most that this process's clock is ahead of AWS's, in seconds."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to one call of ``n`` recipients that leaves between ``start_at`` and ``not_after`` (epoch seconds).

    A call that leaves later would bunch up with those of the slots after it.
    """

    start_at: float
    n: int
    not_after: float


@dataclass(slots=True)
class Tally:
    """What this process did so far, for metrics and benchmarks. Counts are approximate under threads."""

    leases: int = 0
    requests: int = 0
    conflicts: int = 0
    missed_slots: int = 0
