"""A sender process: the real governor, and around it the steps of a delivery as far as they take time.

:mod:`ems.sending.deliver_chunk` and :mod:`ems.sending.deliver_email` hold the real ones; here a record is a delay.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from ems.governor.errors import LeaseError
from ems.governor.governor import Governor
from ems.governor.lease import Lease
from ems.local.simulation.aws import Arrival, RemoteRateStore, Ses, Wire
from ems.local.simulation.case import Case
from ems.local.simulation.kernel import Host, Kernel
from ems.local.simulation.queue import Chunk, Message, Single, Trigger

EPOCH = 1_700_000_000.0
"""The simulation's time 0 in epoch seconds."""

OPENING_WRITES = 4
"""Requests before a chunk's first lease: its batch, its claim, suppressions, the first call's mark."""

TRANSACTION_WRITES = 2
"""A transaction takes about twice as long as a plain write."""

SLICE_SECONDS = 30.0
THROTTLED_PAUSE_SECONDS = 1.0
BUILDING_SECONDS = (0.0005, 0.003)
"""Building and signing a request."""


@dataclass(frozen=True, slots=True)
class World:
    """What all processes share."""

    case: Case
    kernel: Kernel
    rng: random.Random
    wire: Wire
    store: RemoteRateStore
    ses: Ses
    trigger: Trigger


class Sender:
    """One process."""

    def __init__(self, world: World, *, name: str) -> None:
        self._world = world
        self.name = name
        self.started_at = world.kernel.now
        self.died_at: float | None = None
        self._skew = world.rng.uniform(-1, 1) * world.case.skew_ms / 1000
        self._in_hand: list[Message] = []
        self.host = Host()
        self.governor = governor_of(world, clock=self._clock)

    @property
    def alive(self) -> bool:
        """Whether it was not killed."""
        return self.died_at is None

    def has_room(self) -> bool:
        """Tell whether a thread is free."""
        return len(self._in_hand) < self._world.case.threads

    def take(self, message: Message) -> None:
        """Work on *message* in a thread."""
        self._in_hand.append(message)
        self._world.kernel.start(lambda: self._work(message), host=self.host)

    def stall(self, seconds: float) -> None:
        """Stand still."""
        self.host.paused_until = self._world.kernel.now + seconds

    def crash(self) -> None:
        """Die now. SQS hands out again what was in hand, and nobody sends again what is in doubt."""
        world, lost = self._world, list(self._in_hand)
        self.died_at = world.kernel.now
        world.trigger.workers.remove(self)
        world.kernel.kill(self.host)
        for message in lost:
            if isinstance(message, Chunk):
                message.left -= message.under_way
                message.under_way = 0
            world.trigger.put(message, delay=world.case.redelivery_seconds)

    def _clock(self) -> float:
        return EPOCH + self._world.kernel.now + self._skew

    def _work(self, message: Message) -> None:
        again = self._deliver_chunk(message) if isinstance(message, Chunk) else self._deliver_single(message)
        self._in_hand.remove(message)
        if again is not None:
            self._world.trigger.put(message, delay=again)
        self._world.trigger.hand_out()

    def _deliver_chunk(self, chunk: Chunk) -> float | None:
        """Send what is left; seconds until the rest is handed in again, None when nothing is left."""
        for _ in range(OPENING_WRITES):
            self._record()
            self._hold(chunk)
        slice_end = self._clock() + SLICE_SECONDS
        size = self.governor.call_size()
        while chunk.left:
            chunk.under_way = min(size, chunk.left)
            try:
                lease = self.governor.lease(chunk.under_way, lane="bulk", deadline=slice_end)
            except LeaseError:
                chunk.under_way, chunk.owner = 0, None
                return 1.0
            arrival = self._call(lease)
            if arrival is None:
                continue
            if arrival.taken:
                chunk.campaign.sent.append((arrival.at, chunk.under_way))
                chunk.left -= chunk.under_way
                chunk.under_way = 0
            else:
                self.governor.throttled()
            self._record(writes=TRANSACTION_WRITES)
            chunk.moved_at = self._world.kernel.now
        return None

    def _hold(self, chunk: Chunk) -> None:
        """Have the lease, and say so in the chunk's item."""
        now = self._world.kernel.now
        chunk.owner, chunk.moved_at = f"{self.name}/{chunk.number}", now
        chunk.lease_until = now + self._world.case.redelivery_seconds

    def _deliver_single(self, mail: Single) -> float | None:
        """Send the mail; seconds until it is handed in again, None when SES took it."""
        self._record()
        lease = self.governor.book(1, lane="transactional")
        self._record()
        arrival = self._call(lease) if self.governor.arrive(lease) else None
        if arrival is not None and arrival.taken:
            mail.taken_at = arrival.at
        self._record()
        if arrival is None:
            return 0.0
        if not arrival.taken:
            self.governor.throttled()
            return THROTTLED_PAUSE_SECONDS
        return None

    def _call(self, lease: Lease) -> Arrival | None:
        """Call SES; None when the request was ready too late to leave."""
        world = self._world
        world.kernel.sleep(world.rng.uniform(*BUILDING_SECONDS))
        try:
            return world.ses.send(lease.n) if self._clock() <= lease.not_after else None
        finally:
            self.governor.returned(lease)

    def _record(self, *, writes: int = 1) -> None:
        self._world.wire.dynamodb(lambda: None, writes=writes)


def governor_of(world: World, *, clock: Callable[[], float]) -> Governor:
    """Make the governor of one process."""
    return Governor(
        world.store,
        _never_read,
        world.case.policy(),
        clock=clock,
        spread=world.rng.random,
        waits=world.kernel.waits(),
    )


def _never_read() -> NoReturn:
    raise AssertionError("the account is known from the start")
