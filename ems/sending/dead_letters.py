"""The dead-letter queues: look, try again, give up.

Looking takes messages in hand and gives them back; a dead-letter queue sends nothing further, so the receives that
this spends count for nothing. Trying again puts a copy into the living queue and then deletes: a crash between the two
leaves both, which the ledger makes harmless. Giving up records first what becomes of the mails.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

from ems import queues
from ems.aws.sqs import Depth, OutgoingMessage, ReceivedMessage
from ems.sending.letters import Letter, home_of, letter_id
from ems.sending.outcomes import Delivery, Finished, Postponed
from ems.sending.payloads import ChunkPayload, SinglePayload
from ems.store.failed_runs import FailedRuns

IN_HAND_SECONDS = 120
"""How long letters are hidden from others while somebody walks through the queue; a walk that dies leaves them so."""

LAST_LOOK_SECONDS = 1
"""A poll that waits asks all servers of a queue, one that does not may find nothing where there is something."""

Payload_contra = TypeVar("Payload_contra", contravariant=True)


class Queues(Protocol):
    """The calls on SQS that this takes (:class:`ems.aws.sqs.Sqs`)."""

    def send(self, queue: str, messages: list[OutgoingMessage]) -> None:
        """Enqueue all messages or raise UnavailableError."""

    def receive(
        self, queue: str, *, limit: int, wait_seconds: int = 0, visibility_seconds: int | None = None
    ) -> list[ReceivedMessage]:
        """Take messages in hand."""

    def show(self, queue: str, messages: list[ReceivedMessage]) -> None:
        """Give messages back."""

    def delete(self, queue: str, messages: list[ReceivedMessage]) -> None:
        """Delete messages."""

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
        emails: GivesUp[SinglePayload],
        chunks: GivesUp[ChunkPayload],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._sqs = sqs
        self._failed_runs = failed_runs
        self._emails = emails
        self._chunks = chunks
        self._clock = clock

    def count(self, queue: str) -> int:
        """Count the letters, as SQS approximates it."""
        return self._sqs.depth(queues.dead_letter(queue)).total

    def letters(self, queue: str) -> list[Letter]:
        """Read all letters of a queue, the oldest first; they stay where they are."""
        found: list[Letter] = []
        self._walk(queue, found.append)
        return sorted(found, key=lambda letter: letter.message.sent_at)

    def summary(self, queue: str) -> Summary:
        """Read all letters of a queue and sum them up; they stay where they are."""
        summary = Summary(queue)
        self._walk(queue, summary.add)
        return summary

    def find(self, identifier: str) -> Letter | None:
        """Look for a letter in all queues; it stays where it is."""
        for queue in queues.ALL_QUEUES:
            for letter in self.letters(queue):
                if identifier in letter.names:
                    return letter
        return None

    def redrive(self, queue: str, ids: Iterable[str] | None = None) -> int:
        """Try letters again: those of *ids*, or all that there are now. Return how many."""
        moved = 0

        def again(letter: Letter) -> bool:
            nonlocal moved
            if ids is not None and letter.names.isdisjoint(ids):
                return False
            self._sqs.send(home_of(letter), [OutgoingMessage(letter.message.body, group=letter.message.group)])
            moved += 1
            return True

        self._walk(queue, again)
        return moved

    def drop(self, queue: str, ids: Iterable[str] | None = None) -> Dropped:
        """Give letters up: those of *ids*, or all that there are now.

        The accepted mails that a letter carries end as failed, with its reason, unless they were sent or ended before;
        those that a dead sender may have sent are in doubt. A letter that a sender has in hand stays.
        """
        dropped = Dropped()

        def give_up(letter: Letter) -> bool:
            if ids is not None and letter.names.isdisjoint(ids):
                return False
            delivery = self._give_up(letter)
            if isinstance(delivery, Postponed):
                dropped.kept.append((letter, f"{delivery.reason}; try again in {delivery.delay_seconds} s"))
                return False
            dropped.gone += 1
            return True

        self._walk(queue, give_up)
        return dropped

    def _give_up(self, letter: Letter) -> Delivery:
        reason = f"dropped from {queues.dead_letter(letter.queue)}: {letter.reason}"
        match letter.payload:
            case SinglePayload() as mail:
                return self._emails.give_up(mail, reason=reason)
            case ChunkPayload() as chunk:
                return self._chunks.give_up(chunk, reason=reason)
            case None:
                return Finished()

    def _walk(self, queue: str, visit: Callable[[Letter], bool | None]) -> None:
        """Visit each letter once; one whose visit is True is deleted, the others are given back at the end."""
        dead, kept = queues.dead_letter(queue), list[ReceivedMessage]()
        for page in self._pages(queue):
            runs = self._failed_runs.of(letter_id(message) for message in page)
            for message in page:
                if visit(Letter(queue, message, runs.get(letter_id(message), ()))):
                    self._sqs.delete(dead, [message])
                else:
                    kept.append(replace(message, body=""))  # there may be very many
        self._sqs.show(dead, kept)

    def _pages(self, queue: str) -> Iterator[list[ReceivedMessage]]:
        """Take all letters in hand, ten at a time; what comes while this goes on is left for the next time."""
        began, seen = self._clock(), set[str]()
        while True:
            received = self._sqs.receive(
                queues.dead_letter(queue),
                limit=10,
                wait_seconds=LAST_LOOK_SECONDS,
                visibility_seconds=IN_HAND_SECONDS,
            )
            page = [one for one in received if one.message_id not in seen and one.sent_at <= began]
            if not page:
                return
            seen.update(one.message_id for one in page)
            yield page
