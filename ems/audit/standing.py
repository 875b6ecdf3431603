"""How what a message is about stands by the records, read consistently."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import groupby

from ems.audit.batches import BatchRecords, waits
from ems.audit.queued import QueuedMessage, Waiting
from ems.store.audit import AuditReads
from ems.store.audit_entries import LedgerEntry
from ems.store.status import Status

WAITING = "waiting"
PARKED = "parked"
IN_DOUBT = Status.IN_DOUBT.value
UNFINISHED = frozenset({WAITING, PARKED, IN_DOUBT, Status.HELD.value})
"""What a message may still bring about: a sending, the decision about a doubt, or the release of a held mail."""

ACCEPT_SECONDS = 60.0
"""A single mail this young may still be on its way into the queue: its row comes first."""

_WAITING_STATUSES = frozenset({Status.QUEUED.value, Status.SENDING.value})
_UNDECIDED_STATUSES = frozenset({Status.IN_DOUBT.value, Status.HELD.value})


class Standing:
    """Reads the records of single mails and chunks. *clock* gives epoch seconds."""

    def __init__(self, reads: AuditReads, *, clock: Callable[[], float]) -> None:
        self._reads = reads
        self._clock = clock

    def still_waiting(self, suspects: Iterable[Waiting]) -> list[Waiting]:
        """Return those of *suspects* that wait now, and have done so long enough to have a message."""
        singles: list[str] = []
        chunks: list[Waiting] = []
        for one in suspects:
            if one.email_id is None:
                chunks.append(one)
            else:
                singles.append(one.email_id)
        return [*self._waiting_singles(singles), *self._waiting_chunks(chunks)]

    def of(self, message: QueuedMessage) -> str | None:
        """Say what the records call the subject of a message: a word, or None when they do not know it.

        Of what is in UNFINISHED something may become; an event is ``counted`` or not known.
        """
        match message.about:
            case Waiting(email_id=str(email_id)):
                mail = next(self._reads.mails_by_id([email_id]), None)
                status = None if mail is None else mail.send_status
                return WAITING if status in _WAITING_STATUSES else status
            case Waiting(batch_id=str(batch_id), chunk=int(number)):
                return self._of_chunk(batch_id, number)
            case _:
                return self._of_events(message.events)

    def _of_chunk(self, batch_id: str, number: int) -> str | None:
        records = _records(batch_id, self._reads.ledger_of_batch(batch_id))
        if records.batch is None or not records.batch.accepted:
            return None
        if waits(records, number):
            return WAITING
        if number in records.parked:
            return PARKED
        chunk = records.chunks.get(number)
        return IN_DOUBT if chunk is not None and chunk.counts[IN_DOUBT] else "done"

    def _of_events(self, events: tuple[tuple[str, str], ...]) -> str | None:
        mails = self._reads.mails_by_id({email_id for email_id, _ in events if email_id})
        seen = {(mail.email_id, key) for mail in mails for key in mail.seen}
        return "counted" if events and seen.issuperset(events) else None

    def _waiting_singles(self, email_ids: Iterable[str]) -> Iterator[Waiting]:
        old = self._clock() - ACCEPT_SECONDS
        undecided: list[str] = []
        for mail in self._reads.mails_by_id(email_ids):
            if mail.send_status in _WAITING_STATUSES and mail.created_at < old:
                yield Waiting(email_id=mail.email_id)
            elif mail.send_status in _UNDECIDED_STATUSES:
                undecided.append(mail.email_id)
        kept = self._reads.kept(undecided)
        yield from (Waiting(email_id=email_id, undecided=True) for email_id in undecided if email_id not in kept)

    def _waiting_chunks(self, suspects: Iterable[Waiting]) -> Iterator[Waiting]:
        for batch_id, chunks in groupby(suspects, key=lambda one: one.batch_id or ""):
            records = _records(batch_id, self._reads.ledger_of_batch(batch_id))
            for one in chunks:
                if one.chunk is not None and waits(records, one.chunk):
                    chunk = records.chunks.get(one.chunk)
                    yield replace(one, undecided=chunk is not None and chunk.done)


def _records(batch_id: str, entries: Iterable[LedgerEntry]) -> BatchRecords:
    records = BatchRecords(batch_id)
    records.add_ledger(entries)
    return records
