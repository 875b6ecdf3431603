"""An operator's word about mails that are held as possible duplicates: send them after all, or drop them."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from ems import messages, queues
from ems.sending.again import ChunkAgain, sendable_chunk
from ems.sending.payloads import SinglePayload
from ems.sending.ports import BatchReader, QueueSender
from ems.sending.resolve import Order, Resolution
from ems.store.doubts import Decision
from ems.store.held import Held, HeldMails
from ems.store.kept import Kept
from ems.store.unresolved import Unresolved


class HeldOrders:
    """Releases and drops by order. *clock* gives epoch seconds. Every method raises UnavailableError without AWS."""

    def __init__(
        self,
        *,
        batches: BatchReader,
        held: HeldMails,
        kept: Kept,
        again: ChunkAgain,
        queue: QueueSender,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._batches = batches
        self._held = held
        self._kept = kept
        self._again = again
        self._queue = queue
        self._clock = clock

    @property
    def state(self) -> str:
        """Name the state that the orders are about."""
        return "held"

    def of_chunk(self, chunk: Unresolved) -> Sequence[str]:
        """Name a chunk's mails that are held."""
        return chunk.repeating

    def decide(self, email_ids: Sequence[str], order: Order) -> Resolution:
        """Decide about those of up to 100 mails, of one chunk or single, that are held."""
        held = self._held.read(email_ids)
        if order.word == "drop":
            decision = self._decision(order)
            return Resolution(decided=sum(order.dry_run or self._held.drop(one, decision) for one in held))
        total = sum((self._release_single(one, order) for one in held if one.batch_id is None), Resolution())
        of_batch = [one for one in held if one.batch_id is not None]
        return total + self._release_recipients(of_batch, order) if of_batch else total

    def _release_single(self, held: Held, order: Order) -> Resolution:
        """Enqueue the mail with the word in its message; a sender lets it go, and once, however often it comes."""
        body = self._kept.mail(held.email_id)
        if body is None:
            return Resolution(impossible=1)
        if not order.dry_run:
            mail = SinglePayload.of(messages.arguments_of(body)["mail"])
            self._queue.send(queues.TRIGGER, [replace(mail, released_by=order.by).message()])
        return Resolution(decided=1)

    def _release_recipients(self, held: Sequence[Held], order: Order) -> Resolution:
        """Move the recipients to a new chunk; all or none, if another operator decides at the same moment."""
        payload = sendable_chunk(self._batches, self._kept, held[0].batch_id or "", held[0].chunk or 0)
        if payload is None:
            return Resolution(impossible=len(held))
        moved = order.dry_run or self._again.send(payload, held, self._decision(order))
        return Resolution(decided=len(held)) if moved else Resolution()

    def _decision(self, order: Order) -> Decision:
        return Decision(order.word, order.by, self._clock())
