"""Posts that come at the same moment travel to SQS together.

SNS posts each event on its own, some hundreds a second while a campaign is on its way. A message, a task and a read
for each of them cost more than all of the sending. So the first post waits for company, and whoever comes meanwhile
joins it: group commit, as databases gather transactions for one write to their log (DeWitt et al., *Implementation
Techniques for Main Memory Database Systems*, 1984). Each post is answered when SQS has its group, not before.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Any

from ems import messages
from ems.messages import TaskMessage

LINGER_SECONDS = 0.05
"""The longest that a post waits for company. SNS gives an endpoint 15 s."""

MAX_EVENTS = 10
MAX_BYTES = 120_000
"""SQS takes 256 KiB of a message, and the arguments of a task travel in base64."""


@dataclass(frozen=True, slots=True)
class PostedEvent:
    """One SES event: the id that SNS gave it, and SES's JSON."""

    sns_message_id: str
    message: str = field(repr=False)


def track_message(texts: Sequence[str], *, label: str) -> TaskMessage:
    """Return the task message of a group of events. One alone has the form that releases before groups know."""
    arguments = {"message": texts[0]} if len(texts) == 1 else {"messages": list(texts)}
    return TaskMessage(messages.TRACK_EVENT, arguments, label=label)


def tracked_texts(*, message: str | None = None, messages: Sequence[str] = (), **_future: Any) -> list[str]:
    """Return the texts that the arguments of :func:`track_message` carry, in either form."""
    return [*messages] if message is None else [message, *messages]


@dataclass(eq=False, slots=True)
class _Group:
    events: list[PostedEvent] = field(default_factory=list)
    bytes: int = 0
    full: Event = field(default_factory=Event)
    sent: Future[None] = field(default_factory=Future)

    def has_room(self, event: PostedEvent) -> bool:
        return len(self.events) < MAX_EVENTS and self.bytes + len(event.message) <= MAX_BYTES

    def add(self, event: PostedEvent) -> None:
        self.events.append(event)
        self.bytes += len(event.message)
        if len(self.events) == MAX_EVENTS:
            self.full.set()


class Gatherer:
    """Gathers the events that the threads of one process take in.

    Args:
        send: Enqueues a group, not empty; raises UnavailableError.
        linger_seconds: How long the first of a group waits for others.
        clock: Seconds that never go back. A post that comes long after the last one does not wait.
    """

    def __init__(
        self,
        send: Callable[[Sequence[PostedEvent]], None],
        *,
        linger_seconds: float = LINGER_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._send = send
        self._linger = linger_seconds
        self._clock = clock
        self._lock = Lock()
        self._open: _Group | None = None
        self._last_came = float("-inf")

    def publish(self, event: PostedEvent) -> None:
        """Return when SQS has the event.

        Raises:
            UnavailableError: SQS did not take the event's group, or not surely.
        """
        with self._lock:
            joined = self._open if self._open is not None and self._open.has_room(event) else None
            group = joined or _Group()
            group.add(event)
            now = self._clock()
            alone = now - self._last_came > self._linger
            self._last_came = now
            if joined is None:
                self._open = group
        if joined is None:
            self._lead(group, linger=0 if alone else self._linger)
        group.sent.result()

    def _lead(self, group: _Group, *, linger: float) -> None:
        group.full.wait(linger)
        with self._lock:
            if self._open is group:
                self._open = None
        try:
            self._send(group.events)
        # Whatever it is, all of the group must hear that SQS may not have their events.
        except Exception as error:  # noqa: BLE001
            group.sent.set_exception(error)
        else:
            group.sent.set_result(None)
