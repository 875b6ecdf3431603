"""An operator's word about mails in doubt whose window is over: consider them sent, give up, or send again."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from ems import messages, queues
from ems.sending.again import ChunkAgain, sendable_chunk
from ems.sending.doubt_policy import DoubtPolicy
from ems.sending.payloads import SinglePayload
from ems.sending.ports import BatchReader, QueueSender
from ems.sending.resolve import DoubtView, Order, Resolution
from ems.store.doubts import Decision, Doubt, Doubts
from ems.store.kept import Kept
from ems.store.status import Status
from ems.store.unresolved import Unresolved

ATTEMPTS = 3
"""Times to read a chunk's doubts anew when an event changes one of them at the same moment."""


class DoubtOrders:
    """Ends doubts by order. *clock* gives epoch seconds. Every method raises UnavailableError without AWS."""

    def __init__(
        self,
        *,
        batches: BatchReader,
        doubts: Doubts,
        kept: Kept,
        again: ChunkAgain,
        queue: QueueSender,
        policy: DoubtPolicy,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._batches = batches
        self._doubts = doubts
        self._kept = kept
        self._again = again
        self._queue = queue
        self._policy = policy
        self._clock = clock

    @property
    def state(self) -> str:
        """Name the state that the orders are about."""
        return "in doubt"

    def of_chunk(self, chunk: Unresolved) -> Sequence[str]:
        """Name a chunk's mails in doubt."""
        return chunk.doubted

    def views(self, email_ids: Sequence[str]) -> list[DoubtView]:
        """Show those of up to 100 mails that are in doubt."""
        return [self._view(doubt) for doubt in self._doubts.read(email_ids)]

    def decide(self, email_ids: Sequence[str], order: Order) -> Resolution:
        """Decide about those of up to 100 mails, of one chunk or single, that are in doubt with their window over."""
        doubts = self._doubts.read(email_ids)
        proven = [doubt for doubt in doubts if doubt.proven]
        if not order.dry_run:
            for doubt in proven:
                self._doubts.prove(doubt)
        unproven = [doubt for doubt in doubts if not doubt.proven]
        due = [doubt for doubt in unproven if self._policy.decides_at(doubt.since) <= self._clock()]
        decided = self._resend(due, order) if order.word == "resend" else self._end(due, order)
        return decided + Resolution(proven=len(proven), waiting=len(unproven) - len(due))

    def _view(self, doubt: Doubt) -> DoubtView:
        decides_at = self._policy.decides_at(doubt.since)
        held = decides_at <= self._clock()
        return DoubtView(doubt.email_id, doubt.recipient, doubt.reason, doubt.since, decides_at, held)

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
        payload = sendable_chunk(self._batches, self._kept, doubts[0].batch_id or "", doubts[0].chunk or 0)
        if payload is None:
            return Resolution(impossible=len(doubts))
        if order.dry_run:
            return Resolution(decided=len(doubts))
        for due in self._read_anew(doubts):
            if self._again.send(payload, due, self._decision(order)):
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
