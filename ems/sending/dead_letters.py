"""The dead-letter queues: look, try again, give up.

Trying again puts copies where they are worked on and then deletes: a crash between the two leaves both, which the
ledger makes harmless. Giving up records first what becomes of the mails.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from ems import queues
from ems.aws.sqs import Depth, OutgoingMessage
from ems.sending.letter_walk import LetterWalk, Receiver
from ems.sending.letters import Letter
from ems.sending.outcomes import Delivery, Finished, Postponed
from ems.sending.payloads import ChunkPayload, SinglePayload
from ems.sending.ports import ChunkParking
from ems.store.failed_runs import FailedRuns

Payload_contra = TypeVar("Payload_contra", contravariant=True)


class Queues(Receiver, Protocol):
    """The calls on SQS that this takes (:class:`ems.aws.sqs.Sqs`)."""

    def send(self, queue: str, messages: Sequence[OutgoingMessage]) -> None:
        """Enqueue all messages or raise UnavailableError."""

    def depth(self, queue: str) -> Depth:
        """Ask how many messages there are."""


class GivesUp(Protocol[Payload_contra]):
    """Who can end mails that shall not be sent (the deliveries)."""

    def give_up(self, payload: Payload_contra, *, reason: str) -> Delivery:
        """End what is not final as failed; Postponed while a sender has it in hand."""


@dataclass(slots=True)
class Summary:
    """A dead-letter queue in a line: how many, how old, and the reasons with their numbers. Times are epoch seconds."""

    queue: str
    letters: int = 0
    oldest_at: float | None = None
    newest_at: float | None = None
    reasons: Counter[str] = field(default_factory=Counter)

    def add(self, letter: Letter) -> None:
        """Count one letter."""
        sent_at = letter.message.sent_at
        self.letters += 1
        self.oldest_at = min(self.oldest_at or sent_at, sent_at)
        self.newest_at = max(self.newest_at or sent_at, sent_at)
        self.reasons[letter.reason] += 1


@dataclass(slots=True)
class Dropped:
    """What dropping came to: letters that are gone, and those that stay, each with the reason."""

    gone: int = 0
    kept: list[tuple[Letter, str]] = field(default_factory=list)


class DeadLetters:
    """Works on one dead-letter queue at a time, named by the queue that it belongs to. *clock* gives epoch seconds.

    Every method raises UnavailableError when SQS or DynamoDB is out of reach; what was done until then stays done.
    """

    def __init__(
        self,
        *,
        sqs: Queues,
        failed_runs: FailedRuns,
        parking: ChunkParking,
        emails: GivesUp[SinglePayload],
        chunks: GivesUp[ChunkPayload],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._sqs = sqs
        self._failed_runs = failed_runs
        self._parking = parking
        self._emails = emails
        self._chunks = chunks
        self._clock = clock

    def count(self, queue: str) -> int:
        """Count the letters, as SQS approximates it."""
        return self._sqs.depth(queues.dead_letter(queue)).total

    def letters(self, queue: str) -> list[Letter]:
        """Read all letters of a queue, the oldest first; they stay where they are."""
        with self._walk(queue) as pages:
            found = [letter for page in pages for letter in page]
        return sorted(found, key=lambda letter: letter.message.sent_at)

    def summary(self, queue: str) -> Summary:
        """Read all letters of a queue and sum them up; they stay where they are."""
        summary = Summary(queue)
        with self._walk(queue) as pages:
            for page in pages:
                for letter in page:
                    summary.add(letter)
        return summary

    def find(self, identifier: str) -> Letter | None:
        """Look for a letter in all queues, no further than it is; it stays there."""
        for queue in queues.ALL_QUEUES:
            with self._walk(queue) as pages:
                found = next((letter for page in pages for letter in page if identifier in letter.names), None)
            if found is not None:
                return found
        return None

    def redrive(self, queue: str, ids: Collection[str] | None = None) -> int:
        """Try letters again: those of *ids*, or all that there are now. Return how many."""
        moved = 0
        with self._walk(queue) as pages:
            for page in pages:
                chosen = _chosen(page, ids)
                self._send_home(queue, chosen)
                pages.delete(chosen)
                moved += len(chosen)
        return moved

    def _send_home(self, queue: str, letters: Iterable[Letter]) -> None:
        """Put copies where they can be worked on; a chunk waits for its turn as all chunks do.

        It is parked and not put into ``email-wait``: the drainer counts a chunk that it has released as before the
        senders until it hears of it, or finds it parked. In the queue it would wait for the room that it takes itself.
        """
        copies: list[OutgoingMessage] = []
        chunks: dict[tuple[str, str], dict[int, str]] = {}
        for letter in letters:
            body, label = letter.message.body, letter.chunk
            if label is None:
                copies.append(OutgoingMessage(body, group=letter.message.group))
            else:
                chunks.setdefault((label.batch_id, label.campaign_id), {})[label.chunk] = body
        self._sqs.send(queue, copies)
        for (batch_id, campaign_id), bodies in chunks.items():
            self._parking.park(batch_id, campaign_id, bodies)

    def drop(self, queue: str, ids: Collection[str] | None = None) -> Dropped:
        """Give letters up: those of *ids*, or all that there are now.

        The accepted mails that a letter carries end as failed, with its reason, unless they were sent or ended before;
        those that a dead sender may have sent are in doubt, and held. A letter that a sender has in hand stays, and so
        does one whose doubts an event may still settle.
        """
        dropped = Dropped()
        with self._walk(queue) as pages:
            for page in pages:
                gone = [letter for letter in _chosen(page, ids) if self._is_given_up(letter, dropped)]
                pages.delete(gone)
                dropped.gone += len(gone)
        return dropped

    def _is_given_up(self, letter: Letter, dropped: Dropped) -> bool:
        delivery = self._give_up(letter)
        if isinstance(delivery, Postponed):
            dropped.kept.append((letter, f"{delivery.reason}; try again in {delivery.delay_seconds} s"))
            return False
        return True

    def _give_up(self, letter: Letter) -> Delivery:
        reason = f"dropped from {queues.dead_letter(letter.queue)}: {letter.reason}"
        match letter.payload:
            case SinglePayload() as mail:
                return self._emails.give_up(mail, reason=reason)
            case ChunkPayload() as chunk:
                return self._chunks.give_up(chunk, reason=reason)
            case None:
                return Finished()

    def _walk(self, queue: str) -> LetterWalk:
        return LetterWalk(self._sqs, self._failed_runs, queue, clock=self._clock)


def _chosen(page: Iterable[Letter], ids: Collection[str] | None) -> list[Letter]:
    return [letter for letter in page if ids is None or not letter.names.isdisjoint(ids)]
