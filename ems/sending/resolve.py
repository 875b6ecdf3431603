"""An operator's word about mails that wait for one: in doubt with their window over, possible duplicates, stranded."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Literal, Protocol

from ems.errors import ConflictError
from ems.sending.batches import accepted_batch
from ems.sending.ports import BatchReader
from ems.store.kept import Kept
from ems.store.parallel import KEYS_A_CALL, in_pages
from ems.store.unresolved import Unresolved, UnresolvedChunks

Word = Literal["sent", "failed", "resend", "release", "drop", "abandon"]
"""The first three end doubts, the next two are about mails that are held, the last ends one that waits in vain."""

ONE_BY_ONE: frozenset[Word] = frozenset({"abandon"})
"""Words about a mail that is named: it looks like all others that wait."""

SHOWN = 20
"""Doubts that a batch shows; GET /emails lists all."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to become of mails; ``by`` says who decides. A dry run only counts."""

    word: Word
    by: str
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Resolution:
    """What came of an order, in mails.

    ``decided`` are those that it was carried out for, ``proven`` those that turned out to have been sent, ``waiting``
    those whose window is not over, ``impossible`` those that cannot be sent: their batch is cancelled, or their payload
    is not kept any more.
    """

    decided: int = 0
    proven: int = 0
    waiting: int = 0
    impossible: int = 0

    def __add__(self, other: "Resolution") -> "Resolution":
        return Resolution(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(Resolution)))


@dataclass(frozen=True, slots=True)
class DoubtView:
    """A recipient in doubt as callers see it. ``decides_at`` is when the window ends; it is held from then on."""

    email_id: str
    recipient: str | None = field(repr=False)
    reason: str | None
    since: float
    decides_at: float
    held: bool


class Matter(Protocol):
    """A state in which mails wait for an operator's word."""

    @property
    def state(self) -> str:
        """Name the state, after "is not"."""

    def of_chunk(self, chunk: Unresolved) -> Sequence[str]:
        """Name the mails of a chunk that are in it."""

    def decide(self, email_ids: Sequence[str], order: Order) -> Resolution:
        """Carry *order* out for those of up to 100 mails, of one chunk or single, that are in it."""


class DoubtMatter(Matter, Protocol):
    """Mails in doubt."""

    def views(self, email_ids: Sequence[str]) -> list[DoubtView]:
        """Show those of up to 100 mails that are in doubt."""


class Resolver:
    """Finds the mails that an order is about; the same order again decides about those that still wait.

    Every method raises UnavailableError when AWS cannot be reached; what was decided by then stays.
    """

    def __init__(
        self,
        *,
        batches: BatchReader,
        unresolved: UnresolvedChunks,
        kept: Kept,
        doubts: DoubtMatter,
        held: Matter,
        stranded: Matter,
    ) -> None:
        self._batches = batches
        self._unresolved = unresolved
        self._kept = kept
        self._doubts = doubts
        self._matters: dict[Word, Matter] = {
            "sent": doubts,
            "failed": doubts,
            "resend": doubts,
            "release": held,
            "drop": held,
            "abandon": stranded,
        }

    def first_doubts(self, batch_id: str) -> list[DoubtView]:
        """Show the first recipients of a batch that are in doubt."""
        views: list[DoubtView] = []
        for chunk in self._unresolved.of_batch(batch_id):
            views += self._doubts.views(chunk.doubted)
            if len(views) >= SHOWN:
                break
        return views[:SHOWN]

    def email(self, email_id: str, order: Order) -> Resolution:
        """Decide about one mail.

        Raises:
            ConflictError: It is not in the state that the order is about.
        """
        matter = self._matters[order.word]
        resolution = matter.decide([email_id], order)
        if resolution == Resolution():
            raise ConflictError(f"the mail {email_id} is not {matter.state}; GET /emails/{email_id} says what it is")
        return resolution

    def batch(self, batch_id: str, order: Order) -> Resolution:
        """Decide about all recipients of a batch.

        Raises:
            UnknownIdError: No batch of this id was accepted.
        """
        accepted_batch(self._batches, batch_id)
        return self._batch(batch_id, order)

    def everything(self, order: Order) -> Resolution:
        """Decide about all that waits for it, of batches and single mails.

        Raises:
            ConflictError: The order is about one mail that is named.
        """
        if order.word in ONE_BY_ONE:
            raise ConflictError(f"name the mail: {order.word} is about one at a time")
        total = Resolution()
        for email_ids in in_pages(self._kept.mails(), KEYS_A_CALL):
            total += self._matters[order.word].decide(email_ids, order)
        for batch_id in self._kept.batches():
            total += self._batch(batch_id, order)
        return total

    def _batch(self, batch_id: str, order: Order) -> Resolution:
        matter = self._matters[order.word]
        chunks = self._unresolved.of_batch(batch_id)
        return sum((matter.decide(matter.of_chunk(chunk), order) for chunk in chunks), Resolution())
