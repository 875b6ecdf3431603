"""Batches and how their chunks stand (the table ``email-batch``)."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pynamodb.exceptions import DoesNotExist

from ems.store.chunk_counts import COUNTED, counts_of
from ems.store.chunk_state import chunk_item
from ems.store.failures import conditionally, translated
from ems.store.keys import is_id
from ems.store.models import BatchRow
from ems.store.retention import expiry
from ems.store.tables import Tables

BATCH = "batch"

CHUNK_SIZE_BEFORE = 50
"""The size of the chunks of batches that were recorded before it stood in their item."""

BEFORE_ACCEPTED = ("accepting", "abandoned")
"""States of a batch whose request was never answered with 202."""


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as it was accepted; times are epoch seconds.

    ``state`` is accepting, abandoned, waiting, paused or cancelled. ``updated_at`` is when it got that state; while
    accepting it names the attempt that is under way. ``requested`` counts the entries of the request, ``total`` those
    that were accepted. A chunk holds at most ``chunk_size`` of them. ``subject`` and ``variables`` are what the
    template needed of their data. ``request_id`` is what the logs know the request by. The first ``canary`` chunks go
    out before the rest, which waits until it is 0.
    """

    batch_id: str
    campaign_id: str
    kind: str
    name: str | None
    state: str
    requested: int
    total: int
    chunks: int
    chunk_size: int
    template_name: str
    subject: str
    variables: tuple[str, ...]
    fingerprint: str
    send_at: float | None
    created_at: float
    updated_at: float
    request_id: str | None = None
    canary: int = 0

    @property
    def accepted(self) -> bool:
        """Tell whether its request was answered with 202, or may be from now on."""
        return self.state not in BEFORE_ACCEPTED

    def waits_for_canary(self, chunk: int) -> bool:
        """Tell whether a chunk has to wait for what becomes of the first ones."""
        return 0 < self.canary <= chunk

    def held(self, now: float) -> bool:
        """Tell whether its chunks have to be parked."""
        return self.state == "paused" or (self.send_at is not None and self.send_at > now)


@dataclass(frozen=True, slots=True)
class Progress:
    """A batch's chunks in sum: counts by state, recipients in chunks that are under way, and when sending moved."""

    counts: dict[str, int]
    started_left: int
    started_at: float | None
    moved_at: float | None


@dataclass(frozen=True, slots=True)
class ChunkProgress:
    """A chunk that some sender took. ``left`` counts recipients without a result; times are epoch seconds.

    ``owner`` is whose lease it is (None when it was given back), ``lease_until`` when that ends, ``moved_at`` when the
    chunk was last taken or sent from.
    """

    done: bool
    left: int
    owner: str | None
    lease_until: float
    moved_at: float


class BatchStore:
    """The table ``email-batch`` but for deliveries (:mod:`ems.store.ledger`) and waiting (:mod:`ems.store.parking`)."""

    def __init__(self, tables: Tables, *, retention_seconds: float, clock: Callable[[], float] = time.time) -> None:
        self._table = tables.batches
        self._retention = retention_seconds
        self._clock = clock

    def create(self, batch: Batch) -> Batch | None:
        """Write a new batch; an existing one of the same id is returned instead and left alone."""
        row = self._table(
            batch.batch_id,
            BATCH,
            campaign_id=batch.campaign_id,
            kind=batch.kind,
            name=batch.name,
            state=batch.state,
            size=batch.requested,
            total=batch.total,
            chunks=batch.chunks,
            chunk_size=batch.chunk_size,
            canary=batch.canary or None,
            template_name=batch.template_name,
            subject=batch.subject,
            variables=list(batch.variables),
            fingerprint=batch.fingerprint,
            request_id=batch.request_id,
            send_at=batch.send_at,
            created_at=batch.created_at,
            updated_at=batch.updated_at,
            expires_at=expiry(batch.created_at, self._retention),
        )
        new = conditionally("cannot record the batch", row.save, condition=self._table.item.does_not_exist())
        return None if new else self.get(batch.batch_id)

    def get(self, batch_id: str) -> Batch | None:
        """Read a batch; None when there is none."""
        if not is_id(batch_id):
            return None
        with translated("cannot read the batch"):
            try:
                row = self._table.get(batch_id, BATCH, consistent_read=True)
            except DoesNotExist:
                return None
        return _batch(row)

    def get_many(self, batch_ids: Iterable[str]) -> dict[str, Batch]:
        """Read up to 100 batches by id."""
        keys = [(batch_id, BATCH) for batch_id in set(batch_ids)]
        if not keys:
            return {}
        with translated("cannot read batches"):
            return {row.batch_id: _batch(row) for row in self._table.batch_get(keys, consistent_read=True)}

    def move(
        self, batch_id: str, state: str, *, allowed: Sequence[str], seen: float | None = None, at: float | None = None
    ) -> bool:
        """Set the state if it is one of *allowed*, and since *seen* if that is given; False otherwise.

        *at* is the time of the change (``updated_at``), now if it is not given.
        """
        table = self._table
        condition = table.state.is_in(*allowed)
        if seen is not None:
            condition &= table.updated_at == seen
        return conditionally(
            "cannot change the batch",
            table(batch_id, BATCH).update,
            actions=[table.state.set(state), table.updated_at.set(self._clock() if at is None else at)],
            condition=condition,
        )

    def end_canary(self, batch_id: str) -> None:
        """Let the rest of a batch follow its first chunks. Repeating it does no harm."""
        table = self._table
        conditionally(
            "cannot end the canary of a batch",
            table(batch_id, BATCH).update,
            actions=[table.canary.set(0)],
            condition=table.item.exists(),
        )

    def progress(self, batch_id: str) -> Progress:
        """Sum up the chunks that were started."""
        with translated("cannot read the batch's chunks"):
            rows = list(self._table.query(batch_id, self._table.item.startswith("chunk#"), consistent_read=True))
        counts = {status.value: 0 for status in COUNTED}
        left = 0
        for row in rows:
            for status, number in counts_of(row).items():
                counts[status] += number
            left += _left(row)
        started = [float(row.started_at) for row in rows if row.started_at]
        moved = [float(row.updated_at) for row in rows if row.updated_at]
        return Progress(counts, left, min(started, default=None), max(moved, default=None))

    def chunks(self, keys: Sequence[tuple[str, int]]) -> dict[tuple[str, int], ChunkProgress]:
        """Read how chunks stand, by batch id and chunk number; those that no sender has taken yet are missing."""
        return {key: _progress(row) for key, row in self._chunk_rows(keys).items()}

    def _chunk_rows(self, keys: Sequence[tuple[str, int]]) -> dict[tuple[str, int], BatchRow]:
        wanted = [(batch_id, chunk_item(chunk)) for batch_id, chunk in keys]
        with translated("cannot read chunks"):
            rows = list(self._table.batch_get(wanted, consistent_read=True)) if wanted else []
        return {(row.batch_id, int(row.item.removeprefix("chunk#"))): row for row in rows}

    def cancel_chunk(self, batch_id: str, chunk: int, size: int) -> bool:
        """Count what is left of a chunk as cancelled; True when nothing needs the chunk's message any more.

        False when it is in a sender's hands, was in those of one that died during a call, or has recipients in doubt:
        what became of them is a sender's to find out, so the message must live on.
        """
        table, now = self._table, self._clock()
        existing = self._chunk_rows([(batch_id, chunk)]).get((batch_id, chunk))
        doubted = existing is not None and bool(existing.doubted)
        if existing is None:
            left, condition = size, table.item.does_not_exist()
        elif existing.state == "done":
            return not doubted
        elif existing.under_way or existing.again:
            # Of recipients that were to be sent to again it is a sender that knows what they go back to.
            return False
        else:
            left = len(existing.left or ())
            condition = (table.state == "open") & (table.left == existing.left)
            condition &= table.lease_until.does_not_exist() | (table.lease_until < now)
        actions: list[Any] = [
            table.state.set("done"),
            table.size.set(table.size | size),
            table.left.set([]),
            table.cancelled.add(left),
            # A sender that was only slow must find its lease gone.
            table.lease_owner.remove(),
            table.lease_until.remove(),
            table.updated_at.set(now),
            table.started_at.set(table.started_at | now),
            table.expires_at.set(expiry(now, self._retention)),
        ]
        row = table(batch_id, chunk_item(chunk))
        cancelled = conditionally("cannot cancel a chunk", row.update, actions=actions, condition=condition)
        return cancelled and not doubted


def _batch(row: BatchRow) -> Batch:
    return Batch(
        batch_id=row.batch_id,
        campaign_id=row.campaign_id or "",
        kind=row.kind or "bulk",
        name=row.name,
        state=row.state or "accepting",
        requested=int(row.size or 0),
        total=int(row.total or 0),
        chunks=int(row.chunks or 0),
        chunk_size=int(row.chunk_size or CHUNK_SIZE_BEFORE),
        template_name=row.template_name or "",
        subject=row.subject or "",
        variables=tuple(row.variables or ()),
        fingerprint=row.fingerprint or "",
        send_at=None if row.send_at is None else float(row.send_at),
        created_at=float(row.created_at or 0),
        updated_at=float(row.updated_at or 0),
        request_id=row.request_id,
        canary=int(row.canary or 0),
    )


def _progress(row: BatchRow) -> ChunkProgress:
    return ChunkProgress(
        done=row.state == "done",
        left=_left(row),
        owner=row.lease_owner,
        lease_until=float(row.lease_until or 0),
        moved_at=float(row.updated_at or row.started_at or 0),
    )


def _left(row: BatchRow) -> int:
    return 0 if row.state == "done" else len(row.left or ()) + len(row.under_way or ())
