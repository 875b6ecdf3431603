"""Threads that send what others hand in, a batch at a time."""

import atexit
import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

logger = logging.getLogger(__name__)

Item = TypeVar("Item")

FLUSH_SECONDS = 10.0
"""How long the end of a process waits for what is still to be sent."""


class Batcher(Generic[Item]):
    """Collects items and gives them to ``send``, ``size`` at a time or when the oldest has waited ``linger`` seconds.

    ``send`` runs in threads of this object, up to ``parallel`` at a time, so that a distant service does not cap what
    leaves; a further one starts only while all others are sending and a full batch waits. It answers for its own
    failures and must not raise. With ``parallel=1`` batches keep their order.
    """

    def __init__(
        self, send: Callable[[list[Item]], None], *, size: int, linger: float, name: str, parallel: int = 1
    ) -> None:
        self._send = send
        self._size = size
        self._linger = linger
        self._name = name
        self._parallel = parallel
        self._items: deque[Item] = deque()
        self._changed = threading.Condition()
        self._collecting = threading.Lock()
        self._hurried = 0
        self._sending = 0
        self._threads = 0

    def add(self, item: Item) -> None:
        """Hand in one item; returns at once."""
        with self._changed:
            self._items.append(item)
            self._recruit()
            if len(self._items) in (1, self._size):  # what whoever collects waits for; the rest would wake it in vain
                self._changed.notify_all()

    def flush(self, timeout: float = FLUSH_SECONDS) -> bool:
        """Send everything without lingering; False when that took longer than *timeout* seconds."""
        with self._changed:
            self._hurried += 1
            self._changed.notify_all()
            done = self._changed.wait_for(lambda: not self._items and not self._sending, timeout)
            self._hurried -= 1
        return done

    def _recruit(self) -> None:
        """Start a thread when there is none, or all are sending while a full batch waits."""
        if self._threads == 0:
            atexit.register(self.flush)
        elif len(self._items) < self._size or self._sending < self._threads or self._threads == self._parallel:
            return
        self._threads += 1
        threading.Thread(target=self._run, name=f"{self._name}-{self._threads}", daemon=True).start()

    def _run(self) -> None:
        while True:
            with self._collecting:  # one at a time: two would halve each other's batches
                batch = self._next_batch()
            try:
                self._send(batch)
            except Exception:  # the thread must outlive a mistake in send, or everything after it would wait for ever
                logger.exception("%s lost a batch of %d", self._name, len(batch))
            with self._changed:
                self._sending -= 1
                self._changed.notify_all()

    def _next_batch(self) -> list[Item]:
        with self._changed:
            self._changed.wait_for(lambda: bool(self._items))
            self._changed.wait_for(lambda: len(self._items) >= self._size or self._hurried > 0, self._linger)
            batch = [self._items.popleft() for _ in range(min(self._size, len(self._items)))]
            self._sending += 1
            self._recruit()
            return batch
