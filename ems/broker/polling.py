"""Long polls, each queue in threads of its own, so that no poll waits for a task and no task for a poll.

kombu's SQS transport polls through libcurl in the worker's loop instead. That client sets no timeouts, so that a dead
connection silences the worker for good; an HTTP 4xx ends the worker; and it sleeps whenever the prefetch is full.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from ems.broker.envelopes import Received

logger = logging.getLogger(__name__)

Receive = Callable[[int], list[Received]]

RECEIVE_MAX = 10
"""Messages that one ReceiveMessage returns at most."""

GATHER_SECONDS = 0.01
"""How long a poll waits for more room than one message: one call then fetches several."""


FURTHER_POLLS = 2
"""How many polls of a queue may be under way beside the first while it is full: alone it would cap a worker at ten
tasks a round trip."""

PAUSE_SECONDS = 1.0
"""After a failure that no receiver foresaw."""


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

    def share(self) -> "Share":
        """Let one more queue fill the room."""
        return Share(self._free, self._total, self._grown)


class Share:
    """The room as the polls of one queue see it: what is free, but for what those under way have asked for.

    What other queues have asked for is free as well, since their polls may bring nothing for a long time.
    """

    def __init__(self, free: Callable[[], int], total: Callable[[], int], grown: threading.Condition) -> None:
        self._free = free
        self._total = total
        self._grown = grown
        self._claimed = 0

    def claim(self, stopped: threading.Event) -> int:
        """Wait for room and claim it; return for how many messages, 0 when *stopped*."""
        with self._grown:
            self._grown.wait_for(lambda: stopped.is_set() or self._left() > 0)
            self._grown.wait_for(lambda: stopped.is_set() or self._left() >= self._enough(), GATHER_SECONDS)
            return 0 if stopped.is_set() else self._take(max(self._left(), 1))

    def claim_batch(self, ended: Callable[[], bool]) -> int:
        """Wait for the room of a whole batch and claim it; return for how many messages, 0 when *ended*."""
        with self._grown:
            self._grown.wait_for(lambda: ended() or self._left() >= self._enough())
            return 0 if ended() else self._take(self._left())

    def settle(self, count: int) -> None:
        """Give a claim up: the messages are in hand, or there were none."""
        with self._grown:
            self._claimed -= count
            self._grown.notify_all()

    def _left(self) -> int:
        return self._free() - self._claimed

    def _enough(self) -> int:
        return min(RECEIVE_MAX, self._total())

    def _take(self, count: int) -> int:
        count = min(count, RECEIVE_MAX)
        self._claimed += count
        return count


@dataclass(frozen=True, slots=True)
class Handover:
    """Messages on their way from a poll to the worker's loop, which calls ``taken`` once it has them."""

    messages: list[Received]
    taken: Callable[[], None]


class Poller:
    """Receives from one queue and hands over, never more than there is room for.

    ``poll`` takes the number of messages, waits for some and answers for its own failures; ``fetch`` does the same
    without waiting, beside it, for as long as answers are full. ``hand_over`` passes messages to the worker's loop;
    ``give_back`` makes messages visible again that came after the consumer was cancelled.
    """

    def __init__(
        self,
        queue: str,
        *,
        room: Room,
        poll: Receive,
        fetch: Receive,
        hand_over: Callable[[Handover], None],
        give_back: Callable[[list[Received]], None],
        pause: float = PAUSE_SECONDS,
    ) -> None:
        self._pause = pause
        self._queue = queue
        self._room = room
        self._share = room.share()
        self._poll = poll
        self._fetch = fetch
        self._hand_over = hand_over
        self._give_back = give_back
        self._stopped = threading.Event()
        self._plenty = threading.Event()
        self._threads = [
            threading.Thread(target=run, name=f"ems-broker-poll-{queue}-{number}", daemon=True)
            for number, run in enumerate([self._keep_polling, *[self._keep_fetching] * FURTHER_POLLS])
        ]

    def start(self) -> None:
        """Begin to poll."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop polling; what a poll under way still brings is given back."""
        self._stopped.set()
        self._plenty.set()
        self._room.grown()

    def join(self, timeout: float) -> None:
        """Wait for the polls under way to end, at most *timeout* seconds."""
        deadline = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(deadline - time.monotonic(), 0))

    def _keep_polling(self) -> None:
        while count := self._share.claim(self._stopped):
            self._pass_on(count, self._received(self._poll, count))

    def _keep_fetching(self) -> None:
        while self._plenty.wait() and not self._stopped.is_set():
            if count := self._share.claim_batch(lambda: self._stopped.is_set() or not self._plenty.is_set()):
                self._pass_on(count, self._received(self._fetch, count))

    def _received(self, receive: Receive, count: int) -> list[Received]:
        try:
            return receive(count)
        except Exception:  # whatever it was: a poll that ends is a queue that nobody reads from then on
            logger.exception("a poll of %s failed", self._queue)
            self._stopped.wait(self._pause)
            return []

    def _pass_on(self, count: int, messages: list[Received]) -> None:
        if self._stopped.is_set():
            self._give_back(messages)
            return
        # SQS may answer with fewer than it has; half is as good a sign of more.
        if 2 * len(messages) > count:
            self._plenty.set()
        else:
            self._plenty.clear()
        if messages:
            self._hand_over(Handover(messages, taken=lambda: self._share.settle(count)))
        else:
            self._share.settle(count)
