"""Long polls, each queue in a thread of its own, so that no poll waits for a task and no task for a poll.

kombu's SQS transport polls through libcurl in the worker's loop instead. That client sets no timeouts, so that a dead
connection silences the worker for good; an HTTP 4xx ends the worker; and it sleeps whenever the prefetch is full.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from ems.broker.envelopes import Received

logger = logging.getLogger(__name__)

RECEIVE_MAX = 10
"""Messages that one ReceiveMessage returns at most."""

GATHER_SECONDS = 0.01
"""How long a poll waits for more room than one message: one call then fetches several."""


class Room:
    """How many more messages a channel may hold of how many in all, and a signal when that grows."""

    def __init__(self, *, free: Callable[[], int], total: Callable[[], int]) -> None:
        self._free = free
        self._total = total
        self._grown = threading.Condition()

    def grown(self) -> None:
        """Tell waiting polls to look again."""
        with self._grown:
            self._grown.notify_all()

    def wait(self, stopped: threading.Event) -> int:
        """Wait for room; return how many messages to ask for, 0 when *stopped*."""
        with self._grown:
            self._grown.wait_for(lambda: stopped.is_set() or self._free() > 0)
            enough = min(RECEIVE_MAX, self._total())
            self._grown.wait_for(lambda: stopped.is_set() or self._free() >= enough, GATHER_SECONDS)
            return 0 if stopped.is_set() else min(self._free(), RECEIVE_MAX)


@dataclass(frozen=True, slots=True)
class Handover:
    """Messages on their way from the poll to the worker's loop; ``taken`` is set once the loop has them."""

    messages: list[Received]
    taken: threading.Event


class Poller:
    """Receives from one queue and hands over, never more than there is room for.

    ``receive`` takes the number of messages and answers for its own failures; ``hand_over`` passes messages to the
    worker's loop; ``give_back`` makes messages visible again that came after the consumer was cancelled.
    """

    def __init__(
        self,
        queue: str,
        *,
        room: Room,
        receive: Callable[[int], list[Received]],
        hand_over: Callable[[Handover], None],
        give_back: Callable[[list[Received]], None],
    ) -> None:
        self._room = room
        self._receive = receive
        self._hand_over = hand_over
        self._give_back = give_back
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"ems-broker-poll-{queue}", daemon=True)

    def start(self) -> None:
        """Begin to poll."""
        self._thread.start()

    def stop(self) -> None:
        """Stop polling; what a poll under way still brings is given back."""
        self._stopped.set()
        self._room.grown()

    def join(self, timeout: float) -> None:
        """Wait for the poll under way to end, at most *timeout* seconds."""
        self._thread.join(timeout)

    def _run(self) -> None:
        while count := self._room.wait(self._stopped):
            messages = self._receive(count)
            if not messages:
                continue
            if self._stopped.is_set():
                self._give_back(messages)
                return
            handover = Handover(messages, threading.Event())
            self._hand_over(handover)
            handover.taken.wait()
