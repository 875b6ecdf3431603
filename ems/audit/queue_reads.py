"""Looking at the queues: how many messages they hold, and what they are about."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Protocol

from ems import queues
from ems.audit.queued import QueuedMessage, read
from ems.aws.looks import Receives, pages
from ems.aws.sqs import BATCH_ENTRIES, PARALLEL_CALLS, Depth, ReceivedMessage

SENDING = (queues.WAIT, queues.TRIGGER)
DEAD = tuple(queues.dead_letter(name) for name in (*SENDING, queues.EVENTS))

RECEIVED_AT_ONCE = BATCH_ENTRIES * PARALLEL_CALLS

HELD_SECONDS = 300
"""Visibility timeout of messages that are looked at; they are given back as soon as all have been seen."""


class Queues(Receives, Protocol):
    """What the audit asks of SQS (:class:`ems.aws.sqs.Sqs`)."""

    def depth(self, queue: str) -> Depth:
        """Ask how many messages a queue holds."""

    def show(self, queue: str, messages: list[ReceivedMessage]) -> None:
        """Make messages visible again."""


class QueueReads:
    """What the audit reads of the queues. Every method raises UnavailableError when SQS is out of reach.

    *clock* gives epoch seconds.
    """

    def __init__(self, sqs: Queues, *, clock: Callable[[], float]) -> None:
        self._sqs = sqs
        self._clock = clock

    def live(self) -> int:
        """Count the messages of the sending queues, also those in workers' hands or delayed."""
        return sum(self._sqs.depth(name).total for name in SENDING)

    def dead(self) -> int:
        """Count the dead letters of the sending queues."""
        return sum(self._sqs.depth(queues.dead_letter(name)).total for name in SENDING)

    def unseen(self) -> int:
        """Count the messages of the sending queues that a look does not show: in workers' hands, or delayed."""
        depths = [self._sqs.depth(name) for name in SENDING]
        return sum(depth.in_flight + depth.delayed for depth in depths)

    def events(self) -> int:
        """Count the messages with SES events that are still to be counted."""
        return self._sqs.depth(queues.EVENTS).total

    def dead_letters(self) -> Iterator[QueuedMessage]:
        """Look into the dead-letter queues. They have no redrive of their own: a look there costs nothing."""
        return self._messages(DEAD)

    def live_messages(self) -> Iterator[QueuedMessage]:
        """Look into the sending queues. A look counts as a receive: after five a message goes to the dead letters."""
        return self._messages(SENDING)

    def _messages(self, names: Iterable[str]) -> Iterator[QueuedMessage]:
        for name in names:
            if self._sqs.depth(name).visible:
                yield from self._look_into(name)

    def _look_into(self, name: str) -> list[QueuedMessage]:
        held: list[ReceivedMessage] = []
        found: list[QueuedMessage] = []
        try:
            for page in pages(
                self._sqs, name, sent_by=self._clock(), visibility_seconds=HELD_SECONDS, limit=RECEIVED_AT_ONCE
            ):
                # Without the bodies, which have up to 256 KiB each.
                held += [replace(one, body="") for one in page]
                found += [read(name, one) for one in page]
        finally:
            self._sqs.show(name, held)
        return found
