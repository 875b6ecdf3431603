"""The lines of chunks that wait, one for each campaign, as the drainer sees them for one tick."""

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ems.sending.canary import Canary
from ems.sending.fates import Fate
from ems.sending.payloads import CHUNK_RECIPIENTS
from ems.sending.turns import Backlog
from ems.store.parking import Holder, Lot, Pick

NOBODY = ""
"""Whose line the queue is while nobody is known to hold it."""


@dataclass(slots=True)
class Line:
    """What waits of one campaign: its lots, the oldest first, and the queue if it holds it.

    ``size`` is how many recipients its chunks have, as far as was seen. ``passed_over`` says that the last chunks taken
    were none to release (of a paused batch, say), so that the others come first for this tick.
    """

    lots: deque[Lot] = field(default_factory=deque)
    queued: bool = False
    size: int = CHUNK_RECIPIENTS
    passed_over: bool = False

    @property
    def waits(self) -> bool:
        """Whether anything may be left."""
        return self.queued or bool(self.lots)

    @property
    def backlog(self) -> Backlog:
        """What is left, as far as can be told."""
        return Backlog(math.inf if self.queued else self.parked, self.size)

    @property
    def parked(self) -> int:
        """How many chunks its lots hold."""
        return sum(len(lot.chunks) for lot in self.lots)

    def pick(self, chunks: int) -> list[Pick]:
        """Take up to *chunks* chunks out of the lots."""
        picks: list[Pick] = []
        while chunks > 0 and self.lots:
            lot = self.lots.popleft()
            picks.append(Pick(lot, lot.chunks[:chunks]))
            if len(lot.chunks) > chunks:
                self.lots.appendleft(replace(lot, chunks=lot.chunks[chunks:]))
            chunks -= len(picks[-1].chunks)
        return picks


@dataclass(slots=True)
class Lines:
    """Everything that waits, as one tick found it.

    ``by_campaign`` may go now, ``ended`` are lots of batches that were cancelled or never accepted, ``parked`` the
    chunks (batch id, number) of all lots, ``canaries`` the batches whose rest waits for what becomes of the first.
    """

    by_campaign: dict[str, Line]
    ended: list[tuple[Lot, Fate]]
    parked: frozenset[tuple[str, int]]
    holder: Holder | None
    canaries: list[Canary]

    @property
    def waiting(self) -> Mapping[str, Line]:
        """The lines in which something may be left; those that were passed over only if there is no other."""
        waiting = {name: line for name, line in self.by_campaign.items() if line.waits}
        return {name: line for name, line in waiting.items() if not line.passed_over} or waiting

    @property
    def queue_is_empty(self) -> bool:
        """Whether the queue was asked and had nothing."""
        return not any(line.queued for line in self.by_campaign.values())
