"""One audit: read everything once, then look again at whatever seems broken.

The first look streams rows from an index or a scan while the system may be at work, so what it finds are suspicions.
The second reads each suspect consistently, by key, and only what that shows is a break.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from ems.audit import batches, mails
from ems.audit.batches import BatchRecords, waiting_chunks
from ems.audit.books import Books
from ems.audit.counters import CounterAudit, Recounted
from ems.audit.findings import MAX_BREAKS, Break, Kind, Verdict
from ems.audit.queued import QueuedMessage
from ems.audit.queues import QueueAudit
from ems.audit.suppressions import Called, SuppressionAudit
from ems.store.audit import AuditReads
from ems.store.audit_entries import LedgerEntry, MailEntry
from ems.store.counters import Scope as CounterScope
from ems.store.parallel import KEYS_A_CALL, together
from ems.store.recipient_ids import recipient_id
from ems.store.status import Status


@dataclass(frozen=True, slots=True)
class Scope:
    """What is audited.

    Attributes:
        subject: In words.
        ledger: Where its batches, chunks and parked chunks come from.
        mails: Gives where its rows come from, each time anew.
        holds: Tells whether a message is about it.
        counted: Whose counters its rows add up to.
        covers: Tells whether they add up to a scope's, of those that come up in them.
        everything: Whether nothing is left out.
        expected: Roughly how many rows there are, if that is known.
    """

    subject: str
    ledger: list[Iterator[LedgerEntry]]
    mails: Callable[[], list[Iterator[MailEntry]]]
    holds: Callable[[QueuedMessage], bool]
    counted: tuple[CounterScope, ...]
    covers: Callable[[CounterScope], bool]
    everything: bool = False
    expected: int | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """How to audit.

    Attributes:
        queues: Whether to look into the sending queues; each look counts as a receive of every message.
        progress: Told how many rows were read since it was last told, and how many there are if that is known.
    """

    queues: bool = False
    progress: Callable[[int, int | None], None] = lambda _read, _expected: None


class AuditRun:
    """One audit of *scope*. *recent* (epoch seconds) tells records of now from those that are about to expire."""

    def __init__(
        self,
        scope: Scope,
        reads: AuditReads,
        queues: QueueAudit,
        suppressions: SuppressionAudit,
        counters: CounterAudit,
        *,
        recent: float,
        options: Options,
    ) -> None:
        self._scope = scope
        self._reads = reads
        self._queues = queues
        self._suppressions = suppressions
        self._counters = counters
        self._recent = recent
        self._options = options
        self._verdict = Verdict(scope.subject)
        self._recounted = Recounted(self._scope.covers, *self._scope.counted)

    def verdict(self) -> Verdict:
        """Audit."""
        verdict = self._verdict
        with Books() as books:
            suspects = self._read(books)
            verdict.add(self._wrong_mails(suspects))
            verdict.add(self._wrong_batches(books))
            verdict.add(self._duplicates(books))
            if self._scope.everything:
                verdict.add(self._suppressions.without_cause(recent=self._recent))
                verdict.notes += self._queues.passing(books)
            verdict.add(self._wrong_queues(books))
            verdict.add(self._counters.breaks(self._recounted, self._recount_again))
            verdict.notes += self._counters.notes
            verdict.books.update(_placed(books.singles()))
        verdict.books = +verdict.books  # without what is zero
        return verdict

    def _read(self, books: Books) -> list[str]:
        """Copy all records; returns the mails whose rows seem broken, as many as could be reported."""
        suspects: list[str] = []
        suppressing: dict[str, Called] = {}
        for page in together(self._scope.mails()):
            books.add_mails(page)
            for mail in page:
                self._verdict.recount.add(mail)
                self._recounted.add(mail)
                if len(suspects) < MAX_BREAKS and any(mails.breaks_of(mail)):
                    suspects.append(mail.email_id)
                for address, at in mails.calls_for_suppression(mail).items():
                    called = Called(at, mail.email_id)
                    suppressing[address] = max(called, suppressing.get(address, called))
            if len(suppressing) >= KEYS_A_CALL:
                self._verdict.add(self._suppressions.missing(suppressing))
                suppressing.clear()
            self._options.progress(len(page), self._scope.expected)
        self._verdict.add(self._suppressions.missing(suppressing))
        for items in together(self._scope.ledger):
            books.add_ledger(items)
        books.complete()
        return suspects

    def _recount_again(self) -> Recounted:
        recounted = Recounted(self._scope.covers, *self._scope.counted)
        for page in together(self._scope.mails()):
            for mail in page:
                recounted.add(mail)
        return recounted

    def _wrong_mails(self, suspects: Iterable[str]) -> Iterator[Break]:
        for mail in self._reads.mails_by_id(suspects):
            yield from mails.breaks_of(mail)

    def _wrong_batches(self, books: Books) -> Iterator[Break]:
        for records in books.batches():
            self._verdict.books.update(batches.books_of(records))
            books.add_waiting(records.batch_id, waiting_chunks(records))
            if any(batches.breaks_of(records, recent=self._recent)):
                again = self._again(records, books)
                yield from batches.breaks_of(again, recent=self._recent)
                if again.moving:
                    self._note(f"{len(again.moving)} chunks of {records.batch_id} are on their way: audit them later")

    def _again(self, suspect: BatchRecords, books: Books) -> BatchRecords:
        """Read a batch consistently. A chunk's item that is the same before and after its rows belongs to them."""
        batch_id = suspect.batch_id
        before, after = BatchRecords(batch_id), BatchRecords(batch_id)
        before.add_ledger(self._reads.ledger_of_batch(batch_id))
        requested = 0 if before.batch is None else before.batch.requested
        email_ids: Iterable[str] = (recipient_id(batch_id, index) for index in range(requested))
        for mail in self._reads.mails_by_id(email_ids if requested else books.mails_of_batch(batch_id)):
            after.add_mail(mail)
        after.add_ledger(self._reads.ledger_of_batch(batch_id))
        numbers = {*before.chunks, *after.chunks}
        after.moving = frozenset(one for one in numbers if before.chunks.get(one) != after.chunks.get(one))
        return after

    def _duplicates(self, books: Books) -> Iterator[Break]:
        for message_id in books.duplicates():
            rows = self._reads.mails_by_id(books.mails_of_message(message_id))
            having = sorted(mail.email_id for mail in rows if message_id in mail.message_ids)
            if len(having) > 1:
                yield Break(
                    Kind.DUPLICATE, message_id, f"the message id of {len(having)} mails: {', '.join(having[:5])}"
                )

    def _wrong_queues(self, books: Books) -> Iterator[Break]:
        yield from self._queues.dead_letters(holds=self._scope.holds)
        if self._options.queues:
            yield from self._queues.looked_up(books, holds=self._scope.holds)
        else:
            yield from self._queues.lost(books)

    def _note(self, text: str) -> None:
        if len(self._verdict.notes) < MAX_BREAKS:
            self._verdict.notes.append(text)


def _placed(singles: Mapping[str, int]) -> dict[str, int]:
    """Name the places of single mails as those of a batch's recipients."""
    return {"waiting" if status == Status.QUEUED else status: number for status, number in singles.items()}
