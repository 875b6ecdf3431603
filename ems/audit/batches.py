"""What must hold of one batch: its item, its chunks' items, its mails' rows and what of it is parked."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ems.audit.findings import Break, Kind
from ems.sending.payloads import CHUNK_RECIPIENTS
from ems.store.audit_entries import (
    BatchEntry,
    ChunkEntry,
    KeptChunkEntry,
    LedgerEntry,
    LotEntry,
    MailEntry,
    PayloadEntry,
)
from ems.store.chunk_counts import COUNTED
from ems.store.status import Status

WITH_ROWS = tuple(status.value for status in COUNTED if status is not Status.CANCELLED)
"""The states in which a chunk's recipient has a row; who is cancelled was never tried and has none."""


@dataclass(slots=True)
class BatchRecords:
    """All that is on record of a batch.

    Attributes:
        batch_id: Whose records these are.
        batch: The batch's item.
        chunks: The chunks' items, by number; a chunk that no sender has taken yet has none.
        parked: Numbers of chunks at rest: those of a lot whose payload is there.
        kept: Numbers of chunks whose payload is kept, so that something of them may be sent again.
        found: The rows of a chunk, by number of the chunk and the sender's state.
        passing: Those of them that failed for a reason that may pass, by number of the chunk.
        unrecorded: Mails whose row only an event has written.
        newest_row: When the newest row was made, in epoch seconds.
        moving: Chunks that changed while they were read; nothing is said about them.
    """

    batch_id: str
    batch: BatchEntry | None = None
    chunks: dict[int, ChunkEntry] = field(default_factory=dict)
    parked: set[int] = field(default_factory=set)
    kept: set[int] = field(default_factory=set)
    found: dict[int, Counter[str]] = field(default_factory=dict)
    passing: Counter[int] = field(default_factory=Counter)
    unrecorded: list[str] = field(default_factory=list)
    newest_row: float = 0.0
    moving: frozenset[int] = frozenset()

    def add_ledger(self, entries: Iterable[LedgerEntry]) -> None:
        """Take in all items of the batch."""
        listed: set[tuple[str, int]] = set()
        payloads: set[tuple[str, int]] = set()
        for entry in entries:
            match entry:
                case BatchEntry():
                    self.batch = entry
                case ChunkEntry():
                    self.chunks[entry.number] = entry
                case LotEntry():
                    listed.update((entry.lot_id, number) for number in entry.chunks)
                case PayloadEntry():
                    payloads.add((entry.lot_id, entry.number))
                case KeptChunkEntry():
                    self.kept.add(entry.number)
        self.parked = {number for _, number in listed & payloads}

    def add_mail(self, mail: MailEntry) -> None:
        """Take in a row."""
        if mail.send_status is None:
            self.unrecorded.append(mail.email_id)
            return
        self.newest_row = max(self.newest_row, mail.created_at)
        self.found.setdefault(chunk_of(mail), Counter())[mail.send_status] += 1
        self.passing[chunk_of(mail)] += mail.may_pass

    @property
    def untouched(self) -> int:
        """Return the number of recipients in chunks that no sender has taken yet."""
        total = 0 if self.batch is None else self.batch.total
        return total - sum(chunk.size for chunk in self.chunks.values())

    @property
    def cancelled(self) -> bool:
        """Tell whether what is left will not be sent."""
        return self.batch is not None and self.batch.state == "cancelled"


def chunk_of(mail: MailEntry) -> int:
    """Return the number of a mail's chunk; -1 when its row names none, which no chunk's item matches."""
    return -1 if mail.chunk is None else mail.chunk


def books_of(records: BatchRecords) -> Counter[str]:
    """Return the accepted recipients by where they are, as ``GET /batches/{id}`` tells it."""
    books: Counter[str] = Counter()
    if records.batch is None or not records.batch.accepted:
        return books
    books["cancelled" if records.cancelled else "waiting"] += records.untouched
    for chunk in records.chunks.values():
        books["sending"] += chunk.left + chunk.under_way
        books.update(chunk.counts)
    return books


def waiting_chunks(records: BatchRecords) -> Iterator[int]:
    """Yield the chunks of which there must be a message."""
    numbers = range(0 if records.batch is None else records.batch.chunks)
    return (number for number in sorted({*numbers, *records.chunks}) if waits(records, number))


def waits(records: BatchRecords, number: int) -> bool:
    """Tell whether there must be a message of a chunk: it has something left to do, and is not at rest either.

    One that is done has to decide about its doubts, or to have its payload kept for those that may yet be sent to. In
    a cancelled batch nobody is.
    """
    if records.batch is None or not records.batch.accepted or number in records.parked:
        return False
    chunk = records.chunks.get(number)
    if chunk is None:
        return number < records.batch.chunks and not records.cancelled
    unresolved = bool(chunk.doubted or chunk.passing or chunk.repeating)
    return not chunk.done or (unresolved and number not in records.kept and not records.cancelled)


def breaks_of(records: BatchRecords, *, recent: float) -> Iterator[Break]:
    """Yield what is wrong with a batch.

    A batch's item may expire some time before its last rows do; only rows made after *recent* must still have one.
    """
    if records.batch is None:
        if records.found and records.newest_row > recent:
            number = sum(rows.total() for rows in records.found.values())
            yield Break(Kind.NO_BATCH, records.batch_id, f"{number} rows are of this batch, and there is no such batch")
        return
    if not records.batch.accepted:
        if records.found or any(sum(chunk.counts.values()) for chunk in records.chunks.values()):
            yield Break(Kind.NOT_ACCEPTED, records.batch_id, "mails went out, and the batch was never accepted")
        return
    yield from _wrong_total(records, records.batch)
    for number in sorted({*records.chunks, *records.found} - records.moving):
        yield from _wrong_chunk(records, number)
    if not records.moving and not records.parked and next(waiting_chunks(records), None) is None:
        for email_id in records.unrecorded:
            yield Break(Kind.UNRECORDED, email_id, "SES tells of it, and the batch is done without having sent it")


def _wrong_total(records: BatchRecords, batch: BatchEntry) -> Iterator[Break]:
    """Every recipient that was accepted is in a chunk: in one with an item, or in one that no sender has taken."""
    # Who is sent to again has left the chunk of the request for one that has no part in its number.
    to_come = batch.chunks - sum(not chunk.again for chunk in records.chunks.values())
    if not to_come <= records.untouched <= to_come * CHUNK_RECIPIENTS:
        yield Break(
            Kind.TOTAL,
            batch.batch_id,
            f"{batch.total} recipients in {batch.chunks} chunks were accepted; {len(records.chunks)} chunks "
            f"hold {batch.total - records.untouched}, and {to_come} are to come",
        )


def _wrong_chunk(records: BatchRecords, number: int) -> Iterator[Break]:
    subject = f"{records.batch_id} chunk {number}"
    chunk, found = records.chunks.get(number), records.found.get(number, Counter())
    if chunk is None:
        yield Break(Kind.ROWS, subject, f"{found.total()} rows are of this chunk, and it has no item")
        return
    if chunk.placed != chunk.size:
        yield Break(Kind.CHUNK, subject, f"holds {chunk.size} recipients and accounts for {chunk.placed}")
    if chunk.done and chunk.left + chunk.under_way:
        yield Break(Kind.CHUNK, subject, f"is done with {chunk.left + chunk.under_way} recipients left")
    for state, names in ((Status.IN_DOUBT, chunk.doubted), (Status.HELD, chunk.repeating)):
        if names != chunk.counts[state]:
            counted = f"counts {chunk.counts[state]} {state} and names {names}"
            yield Break(Kind.CHUNK, subject, f"{counted}: nobody decides about the others")
    expected = _expected_rows(chunk)
    for status in sorted({*expected, *found}):
        if expected[status] != found[status]:
            yield Break(Kind.ROWS, subject, f"counts {expected[status]} {status}, its rows {found[status]}")
    if chunk.passing != records.passing[number]:
        named = f"names {chunk.passing} as failed for a reason that may pass"
        yield Break(Kind.ROWS, subject, f"{named}, its rows {records.passing[number]}")


def _expected_rows(chunk: ChunkEntry) -> Counter[str]:
    """Return how many rows there must be in which state. Who is to be sent to for the first time has none yet."""
    rows = Counter({status: chunk.counts[status] for status in WITH_ROWS})
    if chunk.again:
        rows[Status.QUEUED.value] = chunk.left + chunk.under_way
    return rows
