"""The places that may hold an address, and how each is rid of it. All of it may be done again at any time."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from ems import messages
from ems.messages import DELIVER_CHUNK, DELIVER_EMAIL
from ems.sending.payloads import ChunkPayload, SinglePayload
from ems.store.batches import Batch
from ems.store.erased import Marks
from ems.store.erasing import ErasableMails, ErasablePayloads, Found
from ems.store.models import TrackerRow
from ems.store.out_of_step import forget as forget_out_of_step
from ems.store.removals import forget_removal
from ems.store.tables import Tables


@dataclass(frozen=True, slots=True)
class Swept:
    """What came of one step in a place. ``next`` is where it goes on; None when the place is done."""

    next: str | None = field(default=None, repr=False)
    read: int = 0
    mails: int = 0
    payloads: int = 0


class Place(Protocol):
    """Where an address may be."""

    def sweep(self, address: str, erased_at: float, cursor: str | None) -> Swept:
        """Take one step: erase what was accepted until *erased_at*; raises UnavailableError to be asked again."""


class BatchBook(Protocol):
    """Where batches come from (:class:`ems.store.batches.BatchStore`)."""

    def get(self, batch_id: str) -> Batch | None:
        """Read a batch; None when there is none."""


class SesList(Protocol):
    """SES's own suppression list (:class:`ems.aws.suppressed.SesSuppressions`)."""

    def remove(self, address: str) -> bool:
        """Take an address off; False when it was not on it."""


class InTheList:
    """The suppression list, and the notes of who was taken off it and of whom SES is to be told.

    *kept_seconds* is how long a mark has to live.
    """

    def __init__(self, tables: Tables, marks: Marks, *, kept_seconds: float) -> None:
        self._tables = tables
        self._marks = marks
        self._kept_seconds = kept_seconds

    def sweep(self, address: str, erased_at: float, cursor: str | None) -> Swept:
        """Turn the entry into a mark."""
        del cursor
        self._marks.erase(address, at=erased_at, kept_seconds=self._kept_seconds)
        forget_removal(self._tables, address)
        forget_out_of_step(self._tables, address)
        return Swept()


class InMails:
    """The rows of mails. *find* gives pages of those that may name the address."""

    def __init__(
        self, mails: ErasableMails, batches: BatchBook, find: Callable[[str, str | None], Found[TrackerRow]]
    ) -> None:
        self._mails = mails
        self._batches = batches
        self._find = find

    def sweep(self, address: str, erased_at: float, cursor: str | None) -> Swept:
        """Rid one page of rows."""
        page = self._find(address, cursor)
        older = [row for row in page.rows if self._accepted_at(row) <= erased_at]
        return Swept(page.next, read=page.read, mails=sum(self._mails.rid(row, address) for row in older))

    def _accepted_at(self, row: TrackerRow) -> float:
        """Return when a mail was accepted; 0.0 where nobody says, as of a mail that only events tell of.

        The row of a recipient is written when a sender comes to it, which may be after the erasure.
        """
        if row.batch_id:
            batch = self._batches.get(row.batch_id)
            return batch.created_at if batch else 0.0
        return float(row.created_at or 0) if row.send_status else 0.0


class InPayloads:
    """Messages at rest."""

    def __init__(self, payloads: ErasablePayloads) -> None:
        self._payloads = payloads

    def sweep(self, address: str, erased_at: float, cursor: str | None) -> Swept:
        """Rid one page of messages."""
        page = self._payloads.all(cursor)
        rid = 0
        for row in page.rows:
            body = _body_without(row.payload, address, erased_at)
            rid += body is not None and self._payloads.replace(row, body)
        return Swept(page.next, read=page.read, payloads=rid)


class AtSes:
    """SES's own list of the account."""

    def __init__(self, ses: SesList) -> None:
        self._ses = ses

    def sweep(self, address: str, erased_at: float, cursor: str | None) -> Swept:
        """Take the address off; EMS's mark keeps mail away from whom SES would have kept it."""
        del erased_at, cursor
        self._ses.remove(address)
        return Swept()


def _body_without(body: str, address: str, erased_at: float) -> str | None:
    """Return a message without *address*; None when it does not name it, or was accepted later."""
    before = _payload(messages.header_of(body, "task"), messages.arguments_of(body))
    if before is None or before.accepted_at > erased_at:
        return None
    after = before.without({address})
    return None if after == before else after.message().body


def _payload(task: str, arguments: dict[str, Any]) -> SinglePayload | ChunkPayload | None:
    match task:
        case str() if task == DELIVER_EMAIL:
            return SinglePayload.of(arguments["mail"])
        case str() if task == DELIVER_CHUNK:
            return ChunkPayload.of(arguments["chunk"])
    return None
