"""Reading the feed from where a reader has got to."""

import heapq
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ems.errors import InvalidError
from ems.store import pages
from ems.store.failures import translated
from ems.store.feed import HEAD, LANES, FeedEvent, lane_key
from ems.store.models import FeedRow
from ems.store.tables import Tables

LOST_AFTER_SECONDS = 60.0
"""A page that is missing before one so old has outlived its time: a transaction becomes visible within milliseconds."""

LISTING = "events"


@dataclass(frozen=True, slots=True)
class Position:
    """How many events of each lane have been read."""

    lengths: tuple[int, ...] = (0,) * LANES

    def after(self, event: "PlacedEvent") -> "Position":
        """Return the position once *event* has been read, too."""
        lengths = list(self.lengths)
        lengths[event.lane] = event.number
        return Position(tuple(lengths))

    def behind(self, other: "Position") -> int:
        """Return how many events lie between this position and a later one."""
        return sum(max(theirs - ours, 0) for ours, theirs in zip(self.lengths, other.lengths, strict=True))

    def json(self) -> list[int]:
        """Return it as a row keeps it."""
        return list(self.lengths)

    @classmethod
    def of(cls, kept: Sequence[float] | None) -> "Position":
        """Read what :meth:`json` wrote, also when there were fewer lanes."""
        lengths = [int(length) for length in kept or ()]
        return cls(tuple(lengths + [0] * (LANES - len(lengths))))

    def cursor(self) -> str:
        """Write it for callers."""
        return pages.encode(LISTING, ".".join(map(str, self.lengths)))

    @classmethod
    def of_cursor(cls, cursor: str) -> "Position":
        """Read a caller's cursor.

        Raises:
            InvalidError: It is none of the feed.
        """
        try:
            [kept] = pages.decode(cursor, LISTING, keys=1)
        except InvalidError:
            raise _wrong() from None
        numbers = kept.split(".")
        if len(numbers) > LANES or not all(number.isascii() and number.isdigit() for number in numbers):
            raise _wrong()
        return cls.of([int(number) for number in numbers])


def _wrong() -> InvalidError:
    return InvalidError("after", "is no cursor of the feed; pass on the next of an answer, now, or leave it out")


@dataclass(frozen=True, slots=True)
class PlacedEvent:
    """An event and where it lies. ``added_at`` is when it was applied, in epoch seconds."""

    lane: int
    number: int
    added_at: float
    event: FeedEvent

    @property
    def id(self) -> str:
        """The same for ever, and of no other event."""
        return f"evt_{self.lane:02d}_{self.number}"


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some events and the position behind them; ``more``: there are others behind that."""

    events: tuple[PlacedEvent, ...]
    position: Position
    more: bool


@dataclass(frozen=True, slots=True)
class _LaneRead:
    """What was read of a lane: its events in order, from behind ``start`` up to ``reached``.

    ``start`` is later than where the reader was if what came next has outlived its time. ``more``: there are others.
    """

    events: Sequence[PlacedEvent]
    start: int
    more: bool


class FeedReader:
    """Reads the feed. Every method raises UnavailableError when DynamoDB is out of reach. *clock*: epoch seconds."""

    def __init__(self, tables: Tables, *, clock: Callable[[], float] = time.time) -> None:
        self._table = tables.feed
        self._clock = clock

    def end(self) -> Position:
        """Return the position behind everything that has been written."""
        return Position.of([0 if head is None else float(head.length) for head in self._heads()])

    def read(self, position: Position, *, limit: int) -> Stretch:
        """Read up to *limit* events that come after *position*.

        Those of a lane come in their order, the lanes side by side by the time of writing.
        """
        heads = {
            lane: head
            for lane, head in enumerate(self._heads())
            if head is not None and int(head.length) > position.lengths[lane]
        }
        pages_of_each = limit // max(len(heads), 1) + 1
        reads = [self._lane(lane, position.lengths[lane], head, pages_of_each) for lane, head in heads.items()]
        lengths = list(position.lengths)
        for lane, read in zip(heads, reads, strict=True):
            lengths[lane] = read.start
        side_by_side = _merged(reads)
        taken = side_by_side[:limit]
        for one in taken:
            lengths[one.lane] = one.number
        more = len(side_by_side) > len(taken) or any(read.more for read in reads)
        return Stretch(tuple(taken), Position(tuple(lengths)), more)

    def _heads(self) -> list[FeedRow | None]:
        keys = [(lane_key(lane), HEAD) for lane in range(LANES)]
        with translated("cannot read the feed"):
            found = {row.lane: row for row in self._table.batch_get(keys, consistent_read=True)}
        return [found.get(lane_key(lane)) for lane in range(LANES)]

    def _lane(self, lane: int, start: int, head: FeedRow, pages_at_most: int) -> _LaneRead:
        rows = self._pages(lane, start, pages_at_most)
        if not rows and self._is_old(head):
            start = int(head.length)
        events: list[PlacedEvent] = []
        reached, at = start, 0.0
        for row in rows:
            told = row.events or ()
            before = int(row.number) - len(told)
            if before > reached and (events or not self._is_old(row)):
                break  # what lies between becomes visible in a moment, or has to be skipped with the next read
            if before > reached:
                start = reached = before
            at = max(at, float(row.at))  # the lane's order is the truth, whatever the clocks of its writers
            numbered = enumerate(told, start=before + 1)
            events += [PlacedEvent(lane, n, at, FeedEvent.of(one)) for n, one in numbered if n > reached]
            reached = int(row.number)
        return _LaneRead(events, start, more=reached < int(head.length))

    def _pages(self, lane: int, length: int, number: int) -> list[FeedRow]:
        with translated("cannot read the feed"):
            return list(
                self._table.query(lane_key(lane), self._table.number > length, consistent_read=True, limit=number)
            )

    def _is_old(self, row: FeedRow) -> bool:
        return self._clock() - float(row.at) > LOST_AFTER_SECONDS


def _merged(reads: Sequence[_LaneRead]) -> list[PlacedEvent]:
    """Put the lanes side by side, up to where the first of them that has more was not read on."""
    unread = [read.events[-1].added_at for read in reads if read.more and read.events]
    end = min(unread, default=float("inf"))
    together = heapq.merge(*(read.events for read in reads), key=lambda one: one.added_at)
    return [one for one in together if one.added_at <= end]
