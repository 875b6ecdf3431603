"""What each sender process tells of itself, every few seconds (the items ``sender#…`` of ``email-rate``)."""

import os
import socket
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from ems.store.failures import translated
from ems.store.retention import expiry
from ems.store.tables import Tables

PREFIX = "sender#"

KEPT_SECONDS = 3600
"""A process that has ended leaves its item; readers ignore it by its age, and DynamoDB deletes it."""


def process_name() -> str:
    """Name this process as its reports do."""
    return f"{socket.gethostname()}-{os.getpid()}"


def lease_owner() -> str:
    """Name one hold of a chunk by this process, so that everybody can tell whose it is."""
    return f"{process_name()}/{uuid.uuid4()}"


def process_of(owner: str) -> str | None:
    """Name the process that holds a lease; None when *owner* does not say."""
    return owner.rpartition("/")[0] or None


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneWaits:
    """How the calls of one lane waited in the last minute, from asking until their slot.

    Attributes:
        calls: Calls that were given a slot.
        seconds: Their waits, added up.
        longest_seconds: The longest of them.
        waiting: Calls that wait for a slot now.
    """

    calls: int = 0
    seconds: float = 0.0
    longest_seconds: float = 0.0
    waiting: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderReport:
    """One sender process in the last minute, by its own clock.

    Attributes:
        process: Host and process id.
        at: When it was written, in epoch seconds.
        clock_offset_seconds: Bounds of how far its clock is ahead of AWS's, (least, most); None when not measured.
        clock_wrong: Whether its clock keeps it from sending.
        lanes: By lane.
        refused: Leases that were refused, by reason.
        missed: Recipients whose slots were missed.
        requests: Requests to the store for slots.
        newest: The newest second (since the epoch) of ``asking``.
        asking: Thousandths of each second, the oldest first, in which at least one call waited to be given a slot.
    """

    process: str
    at: float
    clock_offset_seconds: tuple[float, float] | None = None
    clock_wrong: bool = False
    lanes: Mapping[str, LaneWaits] = field(default_factory=dict)
    refused: Mapping[str, int] = field(default_factory=dict)
    missed: int = 0
    requests: int = 0
    newest: int = 0
    asking: tuple[int, ...] = ()

    @property
    def true_at(self) -> float:
        """When it was written, by AWS's clock as far as it is known: a wrong clock must not hide its own report."""
        return self.at if self.clock_offset_seconds is None else self.at - sum(self.clock_offset_seconds) / 2

    def asking_in(self, second: int) -> float:
        """Return the share of *second* in which a call waited to be given a slot; 0 where the report does not reach."""
        age = self.newest - second
        return self.asking[-1 - age] / 1000 if 0 <= age < len(self.asking) else 0.0


class SenderReports:
    """Written by each sender, read by whoever shows the rate. *clock* gives epoch seconds."""

    def __init__(self, tables: Tables, *, clock: Callable[[], float] = time.time) -> None:
        self._table = tables.rate
        self._clock = clock

    def write(self, report: SenderReport) -> None:
        """Replace the report of its process.

        Raises:
            UnavailableError: DynamoDB cannot be reached.
        """
        row = self._table(
            f"{PREFIX}{report.process}", report=asdict(report), expires_at=expiry(self._clock(), KEPT_SECONDS)
        )
        with translated("cannot write what this sender reports"):
            row.save()

    def read(self, *, newer_than: float) -> list[SenderReport]:
        """Return the reports written after *newer_than* (epoch seconds), in the order of the processes' names.

        Raises:
            UnavailableError: DynamoDB cannot be reached.
        """
        with translated("cannot read what the senders report"):
            rows = list(self._table.scan(self._table.report.exists()))
        reports = (_report(row.report) for row in rows)
        return sorted((one for one in reports if one.true_at > newer_than), key=lambda one: one.process)


def _report(told: Mapping[str, Any]) -> SenderReport:
    offset = told["clock_offset_seconds"]
    lanes = {lane: LaneWaits(**waits) for lane, waits in told["lanes"].items()}
    parsed = {"clock_offset_seconds": offset and tuple(offset), "lanes": lanes, "asking": tuple(told["asking"])}
    known = {one.name for one in fields(SenderReport)}  # a later release may tell more
    return SenderReport(**{name: value for name, value in {**told, **parsed}.items() if name in known})
