"""The drainer's lease and what it has released (the item ``drainer`` of ``email-rate``)."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pynamodb.exceptions import DoesNotExist

from ems.store.failures import conditionally, translated
from ems.store.tables import Tables

DRAINER = "drainer"


@dataclass(frozen=True, slots=True)
class Released:
    """A chunk that was moved to ``email-trigger`` at ``released_at`` (epoch seconds)."""

    batch_id: str
    chunk: int
    size: int
    released_at: float

    def json(self) -> list[Any]:
        """Return the form in which the item holds it."""
        return [self.batch_id, self.chunk, self.size, self.released_at]


class DrainStore:
    """One drainer at a time. *clock* gives epoch seconds."""

    def __init__(self, tables: Tables, *, clock: Callable[[], float] = time.time) -> None:
        self._table = tables.rate
        self._clock = clock

    def acquire(self, *, owner: str, seconds: float) -> list[Released] | None:
        """Take the lease and return the chunks on their way; None while another drainer has it."""
        table, now = self._table, self._clock()
        row = table(DRAINER)
        # The last alternative is this very call, sent again by botocore after its answer was lost.
        free = table.lease_until.does_not_exist() | (table.lease_until < now) | (table.lease_owner == owner)
        taken = conditionally(
            "cannot take the drainer's lease",
            row.update,
            actions=[table.lease_owner.set(owner), table.lease_until.set(now + seconds)],
            condition=free,
        )
        return _released(row.outstanding) if taken else None

    def read(self) -> list[Released]:
        """Return the chunks on their way, as of the last tick."""
        with translated("cannot read what the drainer released"):
            try:
                row = self._table.get(DRAINER)
            except DoesNotExist:
                return []
        return _released(row.outstanding)

    def release(self, outstanding: Sequence[Released], *, owner: str) -> None:
        """Record the chunks on their way and end the lease. Without effect when the lease is another's by now."""
        table = self._table
        conditionally(
            "cannot end the drainer's lease",
            table(DRAINER).update,
            actions=[
                table.outstanding.set([one.json() for one in outstanding]),
                table.lease_owner.remove(),
                table.lease_until.remove(),
            ],
            condition=table.lease_owner == owner,
        )


def _released(outstanding: Sequence[Sequence[Any]] | None) -> list[Released]:
    return [Released(str(b), int(c), int(s), float(t)) for b, c, s, t in outstanding or ()]
