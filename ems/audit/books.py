"""A copy of what the audit has to compare, in a private temporary SQLite database (docs/adr/0018).

SQLite sorts and groups in a few megabytes, whatever the number of mails, and spills the rest into a file that is gone
with the connection. It finds a message id that stands twice among all mails without holding them in memory.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from types import TracebackType
from typing import Any, Self

from ems.audit.batches import BatchRecords, chunk_of
from ems.audit.queued import Waiting
from ems.store.audit_entries import (
    BatchEntry,
    ChunkEntry,
    KeptChunkEntry,
    KeptMailEntry,
    LedgerEntry,
    LotEntry,
    MailEntry,
    PayloadEntry,
)
from ems.store.chunk_counts import COUNTED
from ems.store.recipient_ids import batch_of
from ems.store.status import Status
from ems.store.tracking import DERIVED_PREFIX

CACHE_KIB = 32 * 1024
NAMED_UNRECORDED = 100
"""Mails of one batch that are named as unrecorded; more would say the same."""

_COUNTS = tuple(status.value for status in COUNTED)

_SCHEMA = f"""
PRAGMA cache_size = -{CACHE_KIB};
PRAGMA temp_store = FILE;
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE batch (batch_id PRIMARY KEY, campaign_id, state, requested, total, chunks) WITHOUT ROWID;
CREATE TABLE chunk (batch_id, number, done, size, "left", under_way, doubted, passing, repeating, again,
                    updated_at, {", ".join(_COUNTS)}, PRIMARY KEY (batch_id, number)) WITHOUT ROWID;
CREATE TABLE listed (batch_id, lot_id, number, PRIMARY KEY (batch_id, lot_id, number)) WITHOUT ROWID;
CREATE TABLE payload (lot_id, number, PRIMARY KEY (lot_id, number)) WITHOUT ROWID;
CREATE TABLE kept_chunk (batch_id, number, PRIMARY KEY (batch_id, number)) WITHOUT ROWID;
CREATE TABLE kept_mail (email_id PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE mail (email_id, batch_id, chunk, status, may_pass, created_at);
CREATE TABLE message (message_id, email_id);
CREATE TABLE waiting (email_id, batch_id, chunk, found DEFAULT 0, undecided DEFAULT 0);
CREATE INDEX waiting_by_id ON waiting (email_id, batch_id, chunk);
BEGIN;
"""

_INDEXES = f"""
CREATE INDEX by_batch ON mail (batch_id, chunk, status, may_pass, created_at);
CREATE INDEX by_message ON message (message_id, email_id);
INSERT INTO waiting (email_id) SELECT email_id FROM mail
  WHERE batch_id IS NULL AND (status IN ('{Status.QUEUED}', '{Status.SENDING}')
    OR status IN ('{Status.IN_DOUBT}', '{Status.HELD}') AND email_id NOT IN (SELECT email_id FROM kept_mail));
"""  # noqa: S608 - constants

_WAITING_PAGE = """
SELECT rowid, email_id, batch_id, chunk FROM waiting WHERE NOT found AND rowid > ? ORDER BY rowid LIMIT 10000
"""


class Books:
    """Filled first, then asked; a context manager. Not for several threads."""

    def __init__(self) -> None:
        # The empty name is SQLite's word for a temporary file of its own: https://www.sqlite.org/inmemorydb.html
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.executescript(_SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()

    def add_ledger(self, entries: Iterable[LedgerEntry]) -> None:
        """Copy items of ``email-batch``."""
        for entry in entries:
            match entry:
                case BatchEntry():
                    self._insert(
                        "batch",
                        (entry.batch_id, entry.campaign_id, entry.state, entry.requested, entry.total, entry.chunks),
                    )
                case ChunkEntry():
                    self._insert("chunk", _chunk_values(entry))
                case LotEntry():
                    for number in entry.chunks:
                        self._insert("listed", (entry.batch_id, entry.lot_id, number))
                case PayloadEntry():
                    self._insert("payload", (entry.lot_id, entry.number))
                case KeptChunkEntry():
                    self._insert("kept_chunk", (entry.batch_id, entry.number))
                case KeptMailEntry():
                    self._insert("kept_mail", (entry.email_id,))

    def add_mails(self, mails: Sequence[MailEntry]) -> None:
        """Copy rows of ``email-event-tracker``.

        Message ids of rows that only events made are left out: one message to several recipients that carries no tag
        of ours has a row for each.
        """
        self._database.executemany("INSERT INTO mail VALUES (?, ?, ?, ?, ?, ?)", map(_row, mails))
        ours = (one for one in mails if not one.email_id.startswith(DERIVED_PREFIX))
        ids = ((message_id, one.email_id) for one in ours for message_id in one.message_ids)
        self._database.executemany("INSERT INTO message VALUES (?, ?)", ids)

    def complete(self) -> None:
        """Say that all is there and may be asked for: sorting once costs less than indexes that grow with each row."""
        self._database.executescript(_INDEXES)

    def batches(self) -> Iterator[BatchRecords]:
        """Yield every batch with all of its records, also one of which only parts are there."""
        ids = "SELECT batch_id FROM batch UNION SELECT batch_id FROM chunk"
        for batch_id in self._column(f"{ids} UNION SELECT batch_id FROM mail WHERE batch_id IS NOT NULL"):  # noqa: S608
            yield self._records(batch_id)

    def duplicates(self) -> Iterator[str]:
        """Yield the message ids that stand on several mails."""
        return self._column("SELECT message_id FROM message GROUP BY message_id HAVING count(*) > 1")

    def mails_of_message(self, message_id: str) -> list[str]:
        """Return the mails that have a message id, up to 100."""
        return list(self._column("SELECT email_id FROM message WHERE message_id = ? LIMIT 100", message_id))

    def mails_of_batch(self, batch_id: str) -> Iterator[str]:
        """Yield the mails of a batch."""
        return self._column("SELECT email_id FROM mail WHERE batch_id = ?", batch_id)

    def add_waiting(self, batch_id: str, chunks: Iterable[int]) -> None:
        """Note the chunks of a batch of which there must be a message."""
        self._database.executemany(
            "INSERT INTO waiting (batch_id, chunk) VALUES (?, ?)", ((batch_id, chunk) for chunk in chunks)
        )

    def number_waiting(self) -> int:
        """Count the single mails and chunks of which there must be a message."""
        return int(next(self._column("SELECT count(*) FROM waiting")))

    def keep_waiting(self, still: Callable[[Sequence[Waiting]], Iterable[Waiting]]) -> int:
        """Forget what does not wait in vain any more, by the word of *still*; return the number of the others."""
        last = 0
        while rows := list(self._rows(_WAITING_PAGE, last)):
            last = rows[-1][0]
            kept = {one: one for one in still([Waiting(*row[1:]) for row in rows])}
            for rowid, *row in rows:
                one = kept.get(Waiting(*row))
                if one is None:
                    self._database.execute("DELETE FROM waiting WHERE rowid = ?", (rowid,))
                else:
                    self._database.execute("UPDATE waiting SET undecided = ? WHERE rowid = ?", (one.undecided, rowid))
        return int(next(self._column("SELECT count(*) FROM waiting WHERE NOT found")))

    def waiting(self) -> Iterator[Waiting]:
        """Yield what waits in vain, as far as :meth:`has_message` and :meth:`keep_waiting` know: mails, then chunks."""
        for email_id, batch_id, chunk, undecided in self._rows(
            "SELECT email_id, batch_id, chunk, undecided FROM waiting WHERE NOT found"
            " ORDER BY email_id IS NULL, email_id, batch_id, chunk"
        ):
            yield Waiting(email_id, batch_id, chunk, bool(undecided))

    def has_message(self, one: Waiting) -> bool:
        """Note that there is a message of *one*; False when that does not wait."""
        noted = self._database.execute(
            "UPDATE waiting SET found = 1 WHERE email_id IS ? AND batch_id IS ? AND chunk IS ?",
            (one.email_id, one.batch_id, one.chunk),
        )
        return noted.rowcount > 0

    def singles(self) -> Counter[str]:
        """Count the single mails by the sender's state; those that only an event made were not accepted by EMS."""
        of_ems = "batch_id IS NULL AND status IS NOT NULL"
        return Counter(dict(self._rows(f"SELECT status, count(*) FROM mail WHERE {of_ems} GROUP BY status")))  # noqa: S608

    def _records(self, batch_id: str) -> BatchRecords:
        records = BatchRecords(batch_id)
        for row in self._rows("SELECT * FROM batch WHERE batch_id = ?", batch_id):
            records.batch = BatchEntry(*row)
        records.chunks = {chunk.number: chunk for chunk in self._chunks(batch_id)}
        records.parked = set(
            self._column("SELECT number FROM listed JOIN payload USING (lot_id, number) WHERE batch_id = ?", batch_id)
        )
        records.kept = set(self._column("SELECT number FROM kept_chunk WHERE batch_id = ?", batch_id))
        for chunk, status, number, passing, newest in self._rows(
            "SELECT chunk, status, count(*), sum(may_pass), max(created_at) FROM mail"
            " WHERE batch_id = ? AND status IS NOT NULL GROUP BY chunk, status",
            batch_id,
        ):
            records.found.setdefault(chunk, Counter())[status] = number
            records.passing[chunk] += passing
            records.newest_row = max(records.newest_row, newest)
        unrecorded = "SELECT email_id FROM mail WHERE batch_id = ? AND status IS NULL LIMIT ?"
        records.unrecorded = list(self._column(unrecorded, batch_id, NAMED_UNRECORDED))
        return records

    def _chunks(self, batch_id: str) -> Iterator[ChunkEntry]:
        for _id, number, done, *rest in self._rows("SELECT * FROM chunk WHERE batch_id = ?", batch_id):
            size, left, under_way, doubted, passing, repeating, again, updated_at, *counts = rest
            yield ChunkEntry(
                batch_id=batch_id,
                number=number,
                done=bool(done),
                size=size,
                left=left,
                under_way=under_way,
                counts=Counter(dict(zip(_COUNTS, counts, strict=True))),
                doubted=doubted,
                passing=passing,
                repeating=repeating,
                again=bool(again),
                updated_at=updated_at,
            )

    def _insert(self, table: str, values: tuple[Any, ...]) -> None:
        places = ", ".join("?" * len(values))
        self._database.execute(f"INSERT OR REPLACE INTO {table} VALUES ({places})", values)  # noqa: S608 - our names

    def _column(self, query: str, *values: Any) -> Iterator[Any]:
        return (value for (value,) in self._rows(query, *values))

    def _rows(self, query: str, *values: Any) -> Iterator[tuple[Any, ...]]:
        with closing(self._database.cursor()) as cursor:
            yield from cursor.execute(query, values)


def _chunk_values(entry: ChunkEntry) -> tuple[Any, ...]:
    places = (entry.size, entry.left, entry.under_way, entry.doubted, entry.passing, entry.repeating)
    counts = (entry.counts[status] for status in _COUNTS)
    return (entry.batch_id, entry.number, entry.done, *places, entry.again, entry.updated_at, *counts)


def _row(mail: MailEntry) -> tuple[object, ...]:
    batch_id = batch_of(mail.email_id, mail.batch_id)
    return mail.email_id, batch_id, chunk_of(mail), mail.send_status, mail.may_pass, mail.created_at
