"""The drainer: moves campaign chunks to ``email-trigger``, in turns and only as fast as they can be sent.

Every tick it has the breaker look at what waits (:mod:`ems.sending.protection`), reads how much of what it released is
still unsent (:mod:`ems.sending.unsent`), tops that up to what the line sends in ``release_seconds``, and takes turns
between the campaigns that wait (:mod:`ems.sending.turns`). A chunk is sent to the one place before it is forgotten at
the other: a crash between the two leaves a copy, which the ledger makes harmless.
"""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ems.errors import UnavailableError
from ems.sending.drawer import Counts, Drawer, Hand
from ems.sending.lines import Line, Lines
from ems.sending.ports import DrainMemory, DrainRate
from ems.sending.turns import Turns
from ems.sending.unsent import Unsent
from ems.store.drain import Memory, Released

LEASE_SECONDS = 15

TICK_SECONDS = 1.0
"""A tick takes nothing new in hand after this: the next one knows better, and a tick must end well within its lease."""

ENDED_PER_TICK = 40
"""Parked chunks of cancelled batches that are counted in one tick, so that the next one is not late."""


class Protector(Protocol):
    """What keeps the account's good name (:class:`ems.sending.protection.Protection`)."""

    def inspect(self, lines: Lines) -> None:
        """Take out of the lines what must not go, or raise UnavailableError."""


@dataclass(slots=True, kw_only=True)
class Tick(Counts):
    """What one tick did, for logs and metrics, in chunks; ``budget`` is the recipients that it had to release."""

    released: int = 0
    budget: float = 0.0

    @property
    def moved(self) -> bool:
        """Whether anything happened."""
        return any((self.released, self.parked, self.dropped, self.kept))


@dataclass(slots=True)
class _Course:
    """What a tick knows: it becomes the memory of the next one."""

    released: list[Released]
    turns: Turns
    parked: int

    def memory(self) -> Memory:
        return Memory(tuple(self.released), self.turns.ahead, self.parked)


class Drainer:
    """One tick a second. Two at once do no harm: the second finds the lease taken. *clock* gives epoch seconds."""

    def __init__(
        self,
        *,
        drawer: Drawer,
        unsent: Unsent,
        memory: DrainMemory,
        protection: Protector,
        rate: Callable[[], DrainRate],
        release_seconds: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._drawer = drawer
        self._unsent = unsent
        self._memory = memory
        self._protection = protection
        self._rate = rate
        self._release_seconds = release_seconds
        self._clock = clock

    def tick(self) -> Tick | None:
        """Release what fits; None when another drainer is at work.

        Raises:
            UnavailableError: SQS or DynamoDB cannot be reached; the next tick goes on from what is recorded.
        """
        owner = str(uuid.uuid4())
        memory = self._memory.acquire(owner=owner, seconds=LEASE_SECONDS)
        if memory is None:
            return None
        tick, stop_at = Tick(), self._clock() + TICK_SECONDS
        course = _Course(list(memory.released), Turns(memory.ahead), memory.parked)
        try:
            lines = self._drawer.read()
            self._protection.inspect(lines)
            course.released, unsent = self._unsent.count(course.released, parked=lines.parked)
            tick.budget = self._budget(unsent)
            self._release(lines, course, tick, stop_at=stop_at)
            self._sweep(lines, tick)
            course.turns.settle([name for name, line in lines.by_campaign.items() if line.waits])
            course.parked = sum(line.parked for line in lines.by_campaign.values())
        finally:
            self._memory.release(course.memory(), owner=owner)
        return tick

    def _budget(self, unsent: int) -> float:
        status = self._rate()
        if status.bulk_waits_for is not None:
            return 0.0  # it waits where it costs nothing
        room = status.effective_rate * self._release_seconds
        if status.quota_left_for_bulk is not None:
            room = min(room, status.quota_left_for_bulk)
        return room - unsent

    def _release(self, lines: Lines, course: _Course, tick: Tick, *, stop_at: float) -> None:
        """Take turns until the budget is used or nothing is left."""
        budget = tick.budget
        while budget > 0 and self._clock() < stop_at:
            waiting = lines.waiting
            plan = course.turns.plan(budget, {name: line.backlog for name, line in waiting.items()})
            if not plan:
                break
            for name, chunks in plan.items():
                hand = self._serve(waiting[name], chunks, course, tick)
                recipients = sum(one.label.size for one in hand.chunks)
                course.turns.charge(name, recipients)
                budget -= recipients
                tick.released += len(hand.chunks)
                self._drawer.learn(lines, hand)

    def _serve(self, line: Line, chunks: int, course: _Course, tick: Tick) -> Hand:
        """Take up to *chunks* chunks of a line to the senders."""
        hand, now = Hand(), self._clock()
        try:
            self._drawer.take(line, chunks, hand, tick)
            # Before they are sent: a failure from here on may come after SQS took them.
            course.released += [Released(c.label.batch_id, c.label.chunk, c.label.size, now) for c in hand.chunks]
            self._drawer.hand_over(hand)
        except UnavailableError:
            self._drawer.renew(hand)
            raise
        return hand

    def _sweep(self, lines: Lines, tick: Tick) -> None:
        """End parked chunks that are not to be sent, and let others have the queue when it is empty."""
        left = ENDED_PER_TICK
        for lot, fate in lines.ended:
            if left <= 0:
                break
            ended = self._drawer.end(lot, fate, limit=left)
            tick.dropped += ended
            left -= ended
        self._drawer.free_queue(lines)
