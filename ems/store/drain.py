"""The drainer's lease and what one tick leaves to the next (the item ``drainer`` of ``email-rate``)."""

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pynamodb.exceptions import DoesNotExist

from ems.store.failures import conditionally, translated
from ems.store.models import RateRow
from ems.store.tables import Tables

DRAINER = "drainer"


@dataclass(frozen=True, slots=True)
class Released:
    """A chunk that was moved to ``email-trigger`` at ``released_at`` (epoch seconds)."""

    batch_id: str
    chunk: int
    size: int
    released_at: float


@dataclass(frozen=True, slots=True)
class Memory:
    """What one tick leaves to the next.

    Attributes:
        released: The chunks on their way to the senders or in their hands.
        ahead: By how many recipients each campaign is ahead of the one whose turn it is.
        parked: Parked chunks whose turn is to come; none of paused batches or of those whose time is ahead.
    """

    released: tuple[Released, ...] = ()
    ahead: Mapping[str, int] = field(default_factory=dict)
    parked: int = 0


class DrainStore:
    """One drainer at a time. *clock* gives epoch seconds."""

    def __init__(self, tables: Tables, *, clock: Callable[[], float] = time.time) -> None:
        self._table = tables.rate
        self._clock = clock

    def acquire(self, *, owner: str, seconds: float) -> Memory | None:
        """Take the lease and return what the last tick left; None while another drainer has it."""
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
        return _memory(row) if taken else None

    def read(self) -> Memory:
        """Return what the last tick left."""
        with translated("cannot read what the drainer released"):
            try:
                row = self._table.get(DRAINER)
            except DoesNotExist:
                return Memory()
        return _memory(row)

    def release(self, memory: Memory, *, owner: str) -> None:
        """Leave *memory* to the next tick and end the lease. Without effect when the lease is another's by now."""
        table = self._table
        conditionally(
            "cannot end the drainer's lease",
            table(DRAINER).update,
            actions=[
                table.released.set(_by_batch(memory.released)),
                table.ahead.set(dict(memory.ahead)),
                table.parked.set(memory.parked),
                table.lease_owner.remove(),
                table.lease_until.remove(),
            ],
            condition=table.lease_owner == owner,
        )


def _by_batch(released: Sequence[Released]) -> dict[str, list[list[Any]]]:
    """Write each batch's id once: the item is written twice a second and costs by its size."""
    batches: defaultdict[str, list[list[Any]]] = defaultdict(list)
    for one in released:
        batches[one.batch_id].append([one.chunk, one.size, round(one.released_at, 3)])
    return batches


def _memory(row: RateRow) -> Memory:
    released = (
        Released(batch_id, int(chunk), int(size), float(at))
        for batch_id, chunks in (row.released or {}).items()
        for chunk, size, at in chunks
    )
    ahead = {campaign: int(recipients) for campaign, recipients in (row.ahead or {}).items()}
    return Memory(tuple(released), ahead, int(row.parked or 0))
