"""A thread that sends what others hand in, a batch at a time."""

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

    The thread starts with the first item. ``send`` runs in it, one batch after the other, and answers for its own
    failures; it must not raise.
    """

    def __init__(self, send: Callable[[list[Item]], None], *, size: int, linger: float, name: str) -> None:
        self._send = send
        self._size = size
        self._linger = linger
        self._name = name
        self._items: deque[Item] = deque()
        self._changed = threading.Condition()
        self._hurried = 0
        self._busy = False
        self._thread: threading.Thread | None = None

    def add(self, item: Item) -> None:
        """Hand in one item; returns at once."""
        with self._changed:
            self._items.append(item)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
                atexit.register(self.flush)
            self._changed.notify_all()

    def flush(self, timeout: float = FLUSH_SECONDS) -> bool:
        """Send everything without lingering; False when that took longer than *timeout* seconds."""
        with self._changed:
            self._hurried += 1
            self._changed.notify_all()
            done = self._changed.wait_for(lambda: not self._items and not self._busy, timeout)
            self._hurried -= 1
        return done

    def _run(self) -> None:
        while True:
            batch = self._next_batch()
            try:
                self._send(batch)
            except Exception:  # the thread must outlive a mistake in send, or everything after it would wait for ever
                logger.exception("%s lost a batch of %d", self._name, len(batch))
            with self._changed:
                self._busy = False
                self._changed.notify_all()

    def _next_batch(self) -> list[Item]:
        with self._changed:
            self._changed.wait_for(lambda: bool(self._items))
            self._changed.wait_for(lambda: len(self._items) >= self._size or self._hurried > 0, self._linger)
            self._busy = True
            return [self._items.popleft() for _ in range(min(self._size, len(self._items)))]
