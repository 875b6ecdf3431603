"""An operator's word about mails in doubt whose window is over: consider them sent, give up, or send again."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import islice
from typing import Literal

from ems import messages, queues
from ems.errors import ConflictError
from ems.sending.again import ChunkAgain, kept_chunk
from ems.sending.batches import accepted_batch
from ems.sending.doubt_policy import DoubtPolicy
from ems.sending.payloads import SinglePayload
from ems.sending.ports import BatchReader, QueueSender
from ems.store.doubts import Decision, Doubt, Doubts
from ems.store.kept import Kept
from ems.store.status import Status
from ems.store.unresolved import UnresolvedChunks

Word = Literal["sent", "failed", "resend"]

READ_AT_ONCE = 100
"""Mails of one BatchGetItem (DynamoDB quota)."""

SHOWN = 20
"""Doubts that a batch shows; GET /emails lists all."""

ATTEMPTS = 3
"""Times to read a chunk's doubts anew when an event changes one of them at the same moment."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to become of doubts; ``by`` says who decides. A dry run only counts."""

    word: Word
    by: str
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class DoubtView:
    """A recipient in doubt as callers see it. ``decides_at`` is when the window ends; it is held from then on."""

    email_id: str
    recipient: str | None = field(repr=False)
    reason: str | None
    since: float
    decides_at: float
    held: bool


@dataclass(frozen=True, slots=True)
class Resolution:
    """What came of an order, in mails.

    ``decided`` are those that it was carried out for, ``proven`` those that turned out to have been sent, ``waiting``
    those whose window is not over, ``impossible`` those that cannot be sent again: their batch is cancelled, or their
    payload is not kept any more.
    """

    decided: int = 0
    proven: int = 0
    waiting: int = 0
    impossible: int = 0

    def __add__(self, other: "Resolution") -> "Resolution":
        return Resolution(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(Resolution)))


class Resolver:
    """Carries orders out; the same order again decides about what is still in doubt. *clock* gives epoch seconds.

    Every method raises UnavailableError when AWS cannot be reached; what was decided by then stays.
    """

    def __init__(
        self,
        *,
        batches: BatchReader,
        unresolved: UnresolvedChunks,
        doubts: Doubts,
        kept: Kept,
        again: ChunkAgain,
        queue: QueueSender,
        policy: DoubtPolicy,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._batches = batches
        self._unresolved = unresolved
        self._doubts = doubts
        self._kept = kept
        self._again = again
        self._queue = queue
        self._policy = policy
        self._clock = clock

    def first_doubts(self, batch_id: str) -> list[DoubtView]:
        """Show the first recipients of a batch that are in doubt."""
        views: list[DoubtView] = []
        for chunk in self._unresolved.of_batch(batch_id):
            views += [self._view(doubt) for doubt in self._doubts.read(chunk.doubted)]
            if len(views) >= SHOWN:
                break
        return views[:SHOWN]

    def email(self, email_id: str, order: Order) -> Resolution:
        """Decide about one mail.

        Raises:
            ConflictError: It is not in doubt.
        """
        doubts = self._doubts.read([email_id])
        if not doubts:
            raise ConflictError(f"the mail {email_id} is not in doubt; GET /emails/{email_id} says what it is")
        return self._all(doubts, order)

    def batch(self, batch_id: str, order: Order) -> Resolution:
        """Decide about all recipients of a batch.

        Raises:
            UnknownIdError: No batch of this id was accepted.
        """
        accepted_batch(self._batches, batch_id)
        return self._batch(batch_id, order)

    def everything(self, order: Order) -> Resolution:
        """Decide about all that is held, of batches and single mails."""
        total = Resolution()
        mails = self._kept.mails()
        while email_ids := list(islice(mails, READ_AT_ONCE)):
            total += self._all(self._doubts.read(email_ids), order)
        for batch_id in self._kept.batches():
            total += self._batch(batch_id, order)
        return total

    def _view(self, doubt: Doubt) -> DoubtView:
        decides_at = self._policy.decides_at(doubt.since)
        held = decides_at <= self._clock()
        return DoubtView(doubt.email_id, doubt.recipient, doubt.reason, doubt.since, decides_at, held)

    def _batch(self, batch_id: str, order: Order) -> Resolution:
        total = Resolution()
        for chunk in self._unresolved.of_batch(batch_id):
            total += self._all(self._doubts.read(chunk.doubted), order)
        return total

    def _all(self, doubts: Sequence[Doubt], order: Order) -> Resolution:
        """Decide about doubts that are of one chunk, or of single mails."""
        proven = [doubt for doubt in doubts if doubt.proven]
        if not order.dry_run:
            for doubt in proven:
                self._doubts.prove(doubt)
        unproven = [doubt for doubt in doubts if not doubt.proven]
        due = [doubt for doubt in unproven if self._policy.decides_at(doubt.since) <= self._clock()]
        decided = self._resend(due, order) if order.word == "resend" else self._end(due, order)
        return decided + Resolution(proven=len(proven), waiting=len(unproven) - len(due))

    def _end(self, due: Iterable[Doubt], order: Order) -> Resolution:
        status = Status(order.word)
        decision = self._decision(order)
        return Resolution(decided=sum(order.dry_run or self._doubts.decide(doubt, status, decision) for doubt in due))

    def _resend(self, due: Sequence[Doubt], order: Order) -> Resolution:
        total = sum((self._resend_single(doubt, order) for doubt in due if doubt.batch_id is None), Resolution())
        of_batch = [doubt for doubt in due if doubt.batch_id is not None]
        return total + self._resend_recipients(of_batch, order) if of_batch else total

    def _resend_single(self, doubt: Doubt, order: Order) -> Resolution:
        """Enqueue the mail with the decision in its message: it holds for this doubt alone, so twice does no harm."""
        body = self._kept.mail(doubt.email_id)
        if body is None:
            return Resolution(impossible=1)
        if not order.dry_run:
            mail = SinglePayload.of(messages.arguments_of(body)["mail"])
            mail = replace(mail, resend_of=doubt.attempts, resend_by=order.by)
            self._queue.send(queues.TRIGGER, [mail.message()])
        return Resolution(decided=1)

    def _resend_recipients(self, doubts: Sequence[Doubt], order: Order) -> Resolution:
        batch_id, chunk = doubts[0].batch_id or "", doubts[0].chunk or 0
        batch = self._batches.get(batch_id)
        body = None if batch is None or batch.state == "cancelled" else self._kept.chunk(batch_id, chunk)
        if body is None:
            return Resolution(impossible=len(doubts))
        if order.dry_run:
            return Resolution(decided=len(doubts))
        payload, decision = kept_chunk(body), self._decision(order)
        for due in self._read_anew(doubts):
            if self._again.send(payload, due, decision):
                return Resolution(decided=len(due), proven=len(doubts) - len(due))
        return Resolution(impossible=len(doubts))

    def _read_anew(self, doubts: Sequence[Doubt]) -> Iterator[Sequence[Doubt]]:
        """Yield *doubts*, and again those that an event has not settled since."""
        yield doubts
        for _ in range(ATTEMPTS - 1):
            left = [doubt for doubt in self._doubts.read([one.email_id for one in doubts]) if not doubt.proven]
            if left:
                yield left

    def _decision(self, order: Order) -> Decision:
        return Decision(order.word, order.by, self._clock())
