"""What waits outside the queue: parked chunks, and whose chunks ``email-wait`` holds (in the table ``email-batch``).

Chunks are parked in *lots*: the payloads first, each an item of its own, then one item that lists them. A lot only ever
loses chunks; parking again makes a new lot. So whoever takes a chunk out cannot take out one that was parked meanwhile,
two at once do no harm, and a crash between two steps leaves a copy too many or a payload that its TTL removes.
"""

import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self

from ems.store.failures import conditionally, patiently, translated
from ems.store.models import BatchRow
from ems.store.retention import expiry
from ems.store.tables import Tables

REGISTRY = "#parked"
QUEUE = "#queue"
PAYLOAD = "parked"

WRITES_PER_CALL = 25
"""Items of one BatchWriteItem (DynamoDB quota)."""

PARALLEL_CALLS = 8


@dataclass(frozen=True, slots=True)
class Lot:
    """Chunks of one batch that were parked in one go; ``chunks`` are those of them that are still there.

    ``rest`` are more of them, which whoever made this view of the lot wants to leave where they are.
    """

    lot_id: str
    batch_id: str
    campaign_id: str
    chunks: tuple[int, ...]
    rest: tuple[int, ...] = ()

    def first(self, chunk: int) -> Self:
        """Return the lot with the chunks of lower numbers than *chunk*, the others as its rest."""
        return replace(
            self,
            chunks=tuple(one for one in self.chunks if one < chunk),
            rest=(*self.rest, *(one for one in self.chunks if one >= chunk)),
        )


@dataclass(frozen=True, slots=True)
class Pick:
    """Some of the chunks of a lot, to be taken out."""

    lot: Lot
    chunks: tuple[int, ...]

    @property
    def whole(self) -> bool:
        """Whether nothing of the lot remains."""
        return not self.lot.rest and set(self.lot.chunks) <= set(self.chunks)


@dataclass(frozen=True, slots=True)
class Holder:
    """The campaign whose chunks ``email-wait`` holds, and when it was last given some (epoch seconds)."""

    campaign_id: str
    since: float


@dataclass(frozen=True, slots=True)
class Waiting:
    """All that waits: the holder of the queue, None while nobody is known to hold it, and the lots, oldest first."""

    holder: Holder | None
    lots: tuple[Lot, ...]


class Parking:
    """Parks chunks and gives them back. *clock* gives epoch seconds.

    Every method raises UnavailableError when DynamoDB cannot be reached.
    """

    def __init__(
        self,
        tables: Tables,
        *,
        retention_seconds: float,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._table = tables.batches
        self._retention = retention_seconds
        self._clock = clock
        self._sleep = sleep

    def claim_queue(self, campaign_id: str) -> bool:
        """Have *campaign_id* hold ``email-wait``, unless another campaign does."""
        table = self._table
        return conditionally(
            "cannot claim the waiting queue",
            table(REGISTRY, QUEUE).update,
            actions=[table.campaign_id.set(campaign_id), table.touched_at.set(self._clock())],
            condition=table.item.does_not_exist() | (table.campaign_id == campaign_id),
        )

    def free_queue(self, holder: Holder) -> None:
        """Forget who holds the queue, unless it was given more since."""
        table = self._table
        conditionally(
            "cannot free the waiting queue",
            table(REGISTRY, QUEUE).delete,
            condition=(table.campaign_id == holder.campaign_id) & (table.touched_at == holder.since),
        )

    def park(self, batch_id: str, campaign_id: str, bodies: Mapping[int, str]) -> None:
        """Put chunks to rest; *bodies* are their messages by chunk number."""
        now = self._clock()
        payloads, lot = lot_rows(
            self._table, batch_id, campaign_id, bodies, now=now, expires_at=expiry(now, self._retention)
        )
        self._write(payloads)
        with translated("cannot park chunks"):
            lot.save()

    def waiting(self) -> Waiting:
        """Read all that waits."""
        with translated("cannot read what waits"):
            rows = list(self._table.query(REGISTRY, consistent_read=True))
        lots = sorted((row for row in rows if row.item != QUEUE), key=lambda row: float(row.touched_at or 0))
        holders = [Holder(row.campaign_id or "", float(row.touched_at)) for row in rows if row.item == QUEUE]
        return Waiting(holders[0] if holders else None, tuple(_lot(row) for row in lots))

    def bodies(self, picks: Sequence[Pick]) -> list[str]:
        """Read the messages of what was picked, in order; those that another drainer took out are left out."""
        keys = [(payload_key(pick.lot.lot_id, chunk), PAYLOAD) for pick in picks for chunk in pick.chunks]
        with translated("cannot read parked chunks"):
            found = {row.batch_id: row.payload for row in self._table.batch_get(keys, consistent_read=True)}
        return [found[key] for key, _ in keys if found.get(key)]

    def leave(self, picks: Sequence[Pick]) -> None:
        """Forget what was picked: it is in a queue now, or not needed any more."""
        for pick in picks:
            row = self._table(REGISTRY, pick.lot.lot_id)
            if pick.whole:
                with translated("cannot forget parked chunks"):
                    row.delete()
            else:
                # An update would make the item anew if another drainer has deleted it.
                shorter, there = self._table.parked.delete(set(pick.chunks)), self._table.item.exists()
                conditionally("cannot forget parked chunks", row.update, actions=[shorter], condition=there)
        self._delete(
            self._table(payload_key(pick.lot.lot_id, chunk), PAYLOAD) for pick in picks for chunk in pick.chunks
        )

    def _write(self, rows: Iterable[BatchRow]) -> None:
        def write(part: Sequence[BatchRow]) -> None:
            with translated("cannot park chunks"), self._table.batch_write() as batch:
                for row in part:
                    batch.save(row)

        self._in_parts(write, rows)

    def _delete(self, rows: Iterable[BatchRow]) -> None:
        def delete(part: Sequence[BatchRow]) -> None:
            with translated("cannot forget parked chunks"), self._table.batch_write() as batch:
                for row in part:
                    batch.delete(row)

        self._in_parts(delete, rows)

    def _in_parts(self, work: Callable[[Sequence[BatchRow]], None], rows: Iterable[BatchRow]) -> None:
        """Work through *rows* in calls of 25, again where DynamoDB left some out: PynamoDB does not wait between."""
        every = list(rows)
        parts = [every[start : start + WRITES_PER_CALL] for start in range(0, len(every), WRITES_PER_CALL)]
        if len(parts) <= 1:
            for part in parts:
                patiently(lambda part=part: work(part), sleep=self._sleep)  # type: ignore[misc]
            return
        with ThreadPoolExecutor(max_workers=PARALLEL_CALLS) as pool:
            list(pool.map(lambda part: patiently(lambda: work(part), sleep=self._sleep), parts))


def lot_rows(
    table: type[BatchRow],
    batch_id: str,
    campaign_id: str,
    bodies: Mapping[int, str],
    *,
    now: float,
    expires_at: datetime,
) -> tuple[list[BatchRow], BatchRow]:
    """Make the items of a new lot: the payloads, and the one that lists them, which must not be written before."""
    lot_id = f"{batch_id}.{uuid.uuid4().hex[:12]}"
    payloads = [
        table(payload_key(lot_id, chunk), PAYLOAD, payload=body, expires_at=expires_at)
        for chunk, body in bodies.items()
    ]
    lot = table(REGISTRY, lot_id, campaign_id=campaign_id, parked=set(bodies), touched_at=now, expires_at=expires_at)
    return payloads, lot


def batch_of_lot(lot_id: str) -> str:
    """Return the batch whose chunks a lot holds."""
    return lot_id.partition(".")[0]


def payload_key(lot_id: str, chunk: int) -> str:
    """Name the partition of a parked chunk: its own, since one takes 1,000 write units a second."""
    return f"{lot_id}#{chunk:06d}"


def _lot(row: Any) -> Lot:
    chunks = tuple(sorted(int(chunk) for chunk in row.parked or ()))
    return Lot(row.item, batch_of_lot(row.item), row.campaign_id or "", chunks)
