"""What the audit reads of the books, as frozen values: few attributes of many items."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ems.store import kept, out_of_step, parking
from ems.store.batches import BEFORE_ACCEPTED
from ems.store.chunk_counts import COUNTED, counts_of
from ems.store.facts import Facts
from ems.store.models import BatchRow, TrackerRow
from ems.store.status import Status

MAIL_ATTRIBUTES = [
    "email_id",
    "batch_id",
    "chunk",
    "campaign_id",
    "recipient",
    "send_status",
    "may_pass",
    "event_status",
    "message_id",
    "message_ids",
    "decisions",
    "timeline",
    "moments",
    "seen",
    "facts",
    "created_at",
    "expires_at",
]
LEDGER_ATTRIBUTES = [
    "batch_id",
    "item",
    "campaign_id",
    "state",
    "total",
    "chunks",
    "more_chunks",
    "size",
    "left",
    "under_way",
    *(status.value for status in COUNTED),
    "doubted",
    "passing",
    "repeating",
    "again",
    "parked",
    "updated_at",
    "expires_at",
]


@dataclass(frozen=True, slots=True)
class MailEntry:
    """One mail's row. ``created_at`` is in epoch seconds, 0.0 when the row does not say.

    ``message_ids`` are all that SES is known to have made of it: two of a mail that was sent again. ``decisions`` are
    the words in which a policy or operators decided about it, the latest last. ``may_pass`` is of a failure that may be
    retried.
    """

    email_id: str
    batch_id: str | None = None
    chunk: int | None = None
    campaign_id: str | None = None
    recipient: str | None = field(default=None, repr=False)
    send_status: str | None = None
    may_pass: bool = False
    event_status: str | None = None
    message_ids: frozenset[str] = frozenset()
    decisions: tuple[str, ...] = ()
    timeline: Sequence[Mapping[str, Any]] = ()
    moments: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    seen: frozenset[str] = frozenset()
    facts: Facts | None = None
    created_at: float = 0.0


@dataclass(frozen=True, slots=True)
class BatchEntry:
    """A batch's item: ``requested`` entries, of which ``total`` were taken, in ``chunks`` chunks.

    Recipients that are sent to again get chunks with higher numbers, which may have gaps.
    """

    batch_id: str
    campaign_id: str
    state: str
    requested: int
    total: int
    chunks: int

    @property
    def accepted(self) -> bool:
        """Tell whether its request was answered with 202."""
        return self.state not in BEFORE_ACCEPTED


@dataclass(frozen=True, slots=True)
class ChunkEntry:
    """A chunk's item: recipients by where they are. ``counts`` holds those that are settled, by status.

    ``doubted``, ``passing`` and ``repeating`` are how many it names as in doubt, as failed for a reason that may pass,
    and as held. ``again`` is of a chunk whose recipients came from other chunks, to be sent to once more.
    """

    batch_id: str
    number: int
    done: bool
    size: int
    left: int
    under_way: int
    counts: Mapping[str, int]
    doubted: int = 0
    passing: int = 0
    repeating: int = 0
    again: bool = False
    updated_at: float = 0.0

    @property
    def placed(self) -> int:
        """Return the number of recipients that it accounts for."""
        return self.left + self.under_way + sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class LotEntry:
    """The list of chunks that were parked in one go and are still there."""

    lot_id: str
    batch_id: str
    chunks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PayloadEntry:
    """The message of a parked chunk is there."""

    lot_id: str
    number: int


@dataclass(frozen=True, slots=True)
class KeptChunkEntry:
    """The payload of a chunk of which something may be sent again is there."""

    batch_id: str
    number: int


@dataclass(frozen=True, slots=True)
class KeptMailEntry:
    """The payload of a single mail that is held, in doubt or as a possible duplicate, is there."""

    email_id: str


@dataclass(frozen=True, slots=True)
class SuppressedEntry:
    """An address that an SES event of *email_id* put on the list, at *since* (epoch seconds)."""

    email_id: str
    since: float


LedgerEntry = BatchEntry | ChunkEntry | LotEntry | PayloadEntry | KeptChunkEntry | KeptMailEntry


def mail_entry(row: TrackerRow) -> MailEntry:
    """Read a row that has MAIL_ATTRIBUTES."""
    return MailEntry(
        email_id=row.email_id,
        batch_id=row.batch_id,
        chunk=None if row.chunk is None else int(row.chunk),
        campaign_id=row.campaign_id,
        recipient=row.recipient,
        send_status=row.send_status,
        may_pass=row.send_status == Status.FAILED.value and bool(row.may_pass),
        event_status=row.event_status,
        message_ids=frozenset(row.message_ids or ()) | ({row.message_id} if row.message_id else frozenset()),
        decisions=tuple(one.get("decision", "") for one in row.decisions or ()),
        timeline=row.timeline or (),
        moments=row.moments or {},
        seen=frozenset(row.seen or ()),
        facts=Facts.of(row.facts),
        created_at=float(row.created_at or 0),
    )


def ledger_entry(row: BatchRow) -> LedgerEntry | None:
    """Read an item that has LEDGER_ATTRIBUTES; None when it is of no kind that the audit knows."""
    entry: LedgerEntry | None = None
    kind, _, number = row.item.partition("#")
    match row.batch_id, kind:
        case parking.REGISTRY, _:
            entry = None if row.item == parking.QUEUE else _lot(row)
        case kept.REGISTRY, _:
            entry = KeptMailEntry(row.item)  # or the id of a batch with kept chunks, which no mail has
        case out_of_step.REGISTRY, _:
            entry = None  # an address, which may look like anything
        case _, "batch":
            entry = _batch(row)
        case _, "chunk":
            entry = _chunk(row, int(number))
        case _, "kept":
            entry = KeptChunkEntry(row.batch_id, int(number))
        case _, parking.PAYLOAD:
            lot_id, _, number = row.batch_id.partition("#")
            entry = PayloadEntry(lot_id, int(number))
    return entry


def _lot(row: BatchRow) -> LotEntry:
    return LotEntry(row.item, parking.batch_of_lot(row.item), tuple(int(chunk) for chunk in row.parked or ()))


def _batch(row: BatchRow) -> BatchEntry:
    return BatchEntry(
        batch_id=row.batch_id,
        campaign_id=row.campaign_id or "",
        state=row.state or "accepting",
        requested=int(row.size or 0),
        total=int(row.total or 0),
        chunks=int(row.chunks or 0) - int(row.more_chunks or 0),
    )


def _chunk(row: BatchRow, number: int) -> ChunkEntry:
    return ChunkEntry(
        batch_id=row.batch_id,
        number=number,
        done=row.state == "done",
        size=int(row.size or 0),
        left=len(row.left or ()),
        under_way=len(row.under_way or ()),
        counts=Counter(counts_of(row)),
        doubted=len(row.doubted or ()),
        passing=len(row.passing or ()),
        repeating=len(row.repeating or ()),
        again=row.again is not None,
        updated_at=float(row.updated_at or 0),
    )
