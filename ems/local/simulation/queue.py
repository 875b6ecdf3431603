"""What lies before the senders: ``email-trigger`` with its chunks and single mails."""

import random
from collections import deque
from dataclasses import dataclass, field
from typing import Protocol

from ems.local.simulation.kernel import Kernel

SQS_SECONDS = (0.005, 0.025)
"""From sent to received by a process that polls."""


@dataclass(eq=False, slots=True)
class Campaign:
    """A campaign, with what SES took of it: when, and how many recipients."""

    name: str
    sent: list[tuple[float, int]] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class Chunk:
    """Part of a campaign, as its item in DynamoDB holds it.

    ``under_way`` recipients are in doubt if their sender dies. ``owner`` is whose lease it is, ``moved_at`` when the
    chunk was last taken or sent from, ``lease_until`` when the lease ends (seconds of the simulation).
    """

    campaign: Campaign
    number: int
    left: int
    under_way: int = 0
    owner: str | None = None
    moved_at: float = 0.0
    lease_until: float = 0.0


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
