"""Whose turn it is: campaigns share the line by recipients, whatever their size, and nobody waits for an idle one.

Start-time fair queueing (Goyal, Vin and Cheng, SIGCOMM 1996) with equal weights: whoever is furthest behind is served
next, one chunk at a time, and whoever comes anew starts where the one furthest behind stands, so that neither a past
of silence nor one of plenty counts. It keeps the bound of deficit round robin (Shreedhar and Varghese, SIGCOMM 1995)
without its rounds: of two campaigns that both wait, neither is ahead of the other by more than one chunk. (Deficit
round robin would need to know a chunk's size before it takes it; SQS says it afterwards.)
"""

import heapq
from collections.abc import Collection, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits of one campaign: how many chunks (infinite when nobody can tell), of how many recipients each."""

    chunks: float
    size: int


class Turns:
    """Who is ahead, by how many recipients. Pure; the caller says what waits and what was really taken."""

    def __init__(self, ahead: Mapping[str, int]) -> None:
        self._ahead = dict(ahead)

    @property
    def ahead(self) -> Mapping[str, int]:
        """Recipients by which each campaign is ahead; those that are not are left out."""
        return self._ahead

    def plan(self, budget: float, waiting: Mapping[str, Backlog]) -> dict[str, int]:
        """Say how many chunks of each campaign to take for *budget* recipients, the last of them in part over it."""
        taken: dict[str, int] = {}
        # Of several that are equally far behind the first comes first.
        queue = [(self._ahead.get(name, 0), place, name) for place, name in enumerate(waiting)]
        heapq.heapify(queue)
        while budget > 0 and queue:
            ahead, place, name = heapq.heappop(queue)
            backlog = waiting[name]
            if taken.get(name, 0) >= backlog.chunks:
                continue
            taken[name] = taken.get(name, 0) + 1
            budget -= backlog.size
            heapq.heappush(queue, (ahead + backlog.size, place, name))
        return taken

    def charge(self, name: str, recipients: int) -> None:
        """Note that *recipients* of a campaign were taken."""
        self._ahead[name] = self._ahead.get(name, 0) + recipients

    def settle(self, waiting: Collection[str]) -> None:
        """Count from the one that is furthest behind of those that still wait; forget who is not ahead of it.

        A campaign that has nothing waiting keeps its lead until the others have caught up: it gains nothing by
        coming in small pieces.
        """
        floor = min((self._ahead.get(name, 0) for name in waiting), default=None)
        if floor is None:
            self._ahead.clear()
            return
        self._ahead = {name: ahead - floor for name, ahead in self._ahead.items() if ahead > floor}
