"""What lies before the senders: ``email-trigger``, and the drainer that tops it up.

Only as much of them as matters to the rate: :mod:`ems.sending.release` says what a tick of the real one does.
"""

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from ems.local.simulation.kernel import Kernel

SQS_SECONDS = (0.005, 0.025)
"""From sent to received by a process that polls."""

TICK_SECONDS = 1.0


@dataclass(eq=False, slots=True)
class Chunk:
    """Part of a campaign. ``under_way`` recipients are in doubt if their sender dies."""

    left: int
    under_way: int = 0


@dataclass(eq=False, slots=True)
class Single:
    """A person's mail, by when it was accepted and when SES took it."""

    accepted_at: float
    taken_at: float | None = None


Message = Chunk | Single


class Worker(Protocol):
    """Whoever takes messages."""

    def has_room(self) -> bool:
        """Tell whether a thread is free."""

    def take(self, message: Message) -> None:
        """Start working on *message*."""


@dataclass(eq=False, slots=True)
class Trigger:
    """The queue: in order, each message to any process that has a thread to spare."""

    kernel: Kernel
    rng: random.Random
    workers: list[Worker] = field(default_factory=list)
    waiting: deque[Message] = field(default_factory=deque)

    def put(self, message: Message, *, delay: float = 0.0) -> None:
        """Enqueue *message*, hidden for *delay* seconds."""
        self.kernel.at(self.kernel.now + delay + self.rng.uniform(*SQS_SECONDS), lambda: self._arrive(message))

    def hand_out(self) -> None:
        """Give waiting messages to free threads."""
        while self.waiting:
            free = [worker for worker in self.workers if worker.has_room()]
            if not free:
                return
            self.rng.choice(free).take(self.waiting.popleft())

    def _arrive(self, message: Message) -> None:
        self.waiting.append(message)
        self.hand_out()


class Drainer:
    """Every second, tops up what lies before the senders to what they send in ``release_seconds``."""

    def __init__(self, trigger: Trigger, rate: Callable[[], float], *, release_seconds: float, chunk_size: int) -> None:
        self._trigger = trigger
        self._rate = rate
        self._release_seconds = release_seconds
        self._chunk_size = chunk_size
        self._released: list[Chunk] = []

    def tick(self) -> None:
        """Release chunks of a campaign that never ends."""
        self._released = [chunk for chunk in self._released if chunk.left]
        budget = self._rate() * self._release_seconds - sum(chunk.left for chunk in self._released)
        while budget > 0:
            chunk = Chunk(self._chunk_size)
            self._released.append(chunk)
            self._trigger.put(chunk)
            budget -= chunk.left
        kernel = self._trigger.kernel
        kernel.at(kernel.now + TICK_SECONDS, self.tick)
