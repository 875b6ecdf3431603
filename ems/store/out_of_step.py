"""Addresses of which SES's own suppression list is to be told (items of the key ``#ses`` in ``email-batch``).

Written in one transaction with the change of our list, so that none is forgotten; what SES is to be told is read from
the list when its turn comes, so that ten changes of one address are one.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from pynamodb.exceptions import DoesNotExist
from pynamodb.transactions import TransactWrite

from ems.store.failures import conditionally, translated
from ems.store.models import BatchRow
from ems.store.retention import expiry
from ems.store.tables import Tables

REGISTRY = "#ses"

TURN_NOTE = "ses-list"
DONE_NOTE = "ses-list#done"


@dataclass(frozen=True, slots=True)
class OutOfStep:
    """An address whose entry changed at ``at`` (epoch seconds)."""

    address: str = field(repr=False)
    at: float


class OutOfStepNotes:
    """Notes them, and when SES's list was read last. *clock* gives epoch seconds.

    Every method raises UnavailableError when DynamoDB is out of reach.
    """

    def __init__(self, tables: Tables, *, retention_seconds: float, clock: Callable[[], float] = time.time) -> None:
        self._table = tables.batches
        self._notes = tables.notes
        self._retention = retention_seconds
        self._clock = clock

    def add_to(self, transaction: TransactWrite, address: str) -> None:
        """Note *address* (lower case) with what else *transaction* writes."""
        transaction.save(self._row(address))

    def add(self, address: str) -> None:
        """Note *address* (lower case)."""
        with translated("cannot note an address for SES's list"):
            self._row(address).save()

    def first(self, limit: int) -> list[OutOfStep]:
        """Return some that are noted, in the order of their addresses."""
        with translated("cannot read the addresses for SES's list"):
            rows = list(self._table.query(REGISTRY, limit=limit, consistent_read=True))
        return [OutOfStep(row.item, float(row.touched_at)) for row in rows]

    def done(self, one: OutOfStep) -> None:
        """Forget one, unless its entry has changed again since."""
        table = self._table
        conditionally(
            "cannot forget an address for SES's list",
            table(REGISTRY, one.address).delete,
            condition=table.touched_at == one.at,
        )

    def take_turn(self, *, every_seconds: float) -> bool:
        """Tell whether it is time to read SES's list, and have nobody else do it within *every_seconds*."""
        notes, now = self._notes, self._clock()
        free = notes.note.does_not_exist() | (notes.at <= now - every_seconds)
        return conditionally("cannot take a turn", notes(TURN_NOTE, at=now).save, condition=free)

    def read_until(self) -> float | None:
        """Return until when (epoch seconds) SES's list has been read; None when it never was."""
        with translated("cannot read when SES's list was read"):
            try:
                return float(self._notes.get(DONE_NOTE, consistent_read=True).at)
            except DoesNotExist:
                return None

    def has_been_read(self, until: float) -> None:
        """Remember that SES's list has been read *until* (epoch seconds)."""
        with translated("cannot note that SES's list was read"):
            self._notes(DONE_NOTE, at=until).save()

    def _row(self, address: str) -> BatchRow:
        now = self._clock()
        return self._table(REGISTRY, address, touched_at=now, expires_at=expiry(now, self._retention))


def forget(tables: Tables, address: str) -> None:
    """Forget *address* (lower case), whatever SES was to be told.

    Raises:
        UnavailableError: DynamoDB cannot be reached.
    """
    with translated("cannot forget an address for SES's list"):
        tables.batches(REGISTRY, address).delete()
