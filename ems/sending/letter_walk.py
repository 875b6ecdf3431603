"""A walk through a dead-letter queue, page by page.

Looking takes letters in hand and gives them back; a dead-letter queue sends nothing further, so the receives that this
spends count for nothing.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Protocol, Self

from ems import queues
from ems.aws.looks import Receives, pages
from ems.aws.sqs import ReceivedMessage
from ems.sending.letters import Letter, letter_id
from ems.store.failed_runs import FailedRuns

IN_HAND_SECONDS = 120
"""How long letters are hidden from others while somebody walks through the queue; a walk that dies leaves them so."""


class Receiver(Receives, Protocol):
    """The calls on SQS that a walk takes (:class:`ems.aws.sqs.Sqs`)."""

    def show(self, queue: str, messages: Sequence[ReceivedMessage]) -> None:
        """Give messages back."""

    def delete(self, queue: str, messages: Sequence[ReceivedMessage]) -> None:
        """Delete messages."""


class LetterWalk:
    """Iterate for the pages, inside a ``with``; stop when you have seen enough.

    Each letter comes once, and what arrives meanwhile is left for the next walk. Whatever was seen and not deleted is
    given back at the end. *queue* is the living queue; *clock* gives epoch seconds.

    Every call raises UnavailableError when SQS or DynamoDB is out of reach; letters in hand come back by themselves.
    """

    def __init__(
        self, sqs: Receiver, failed_runs: FailedRuns, queue: str, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._sqs = sqs
        self._failed_runs = failed_runs
        self._queue = queue
        self._clock = clock
        self._in_hand: dict[str, ReceivedMessage] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._sqs.show(queues.dead_letter(self._queue), list(self._in_hand.values()))

    def __iter__(self) -> Iterator[list[Letter]]:
        """Take all letters in hand, ten at a time."""
        dead = queues.dead_letter(self._queue)
        for page in pages(self._sqs, dead, sent_by=self._clock(), visibility_seconds=IN_HAND_SECONDS):
            # Without the bodies: there may be very many.
            self._in_hand.update((one.message_id, replace(one, body="")) for one in page)
            runs = self._failed_runs.of(map(letter_id, page))
            yield [Letter(self._queue, message, runs.get(letter_id(message), ())) for message in page]

    def delete(self, letters: Iterable[Letter]) -> None:
        """Delete letters of the page in one call."""
        gone = [letter.message for letter in letters]
        if gone:
            self._sqs.delete(queues.dead_letter(self._queue), gone)
        for message in gone:
            del self._in_hand[message.message_id]
