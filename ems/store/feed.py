"""The feed: every event that changed a mail, in the order in which it was written (``email-feed``, docs/adr/0029).

The feed has LANES lanes. A lane numbers its events from 1 without a gap, and its head, the item of number 0, holds how
many there are. Events are written in the transaction that changes their mails: it adds pages to a lane on the condition
that the head is where the writer believes it to be. So an event is in the feed exactly if it was applied, and none ever
comes to lie before one that a reader has seen: a cursor needs neither clocks nor a safe distance from now.

A page names mails and says nothing of persons; readers find addresses and details on the mails' rows.
"""

import math
import random
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import Any

from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from ems.store.failures import translated
from ems.store.parallel import in_pages
from ems.store.retention import expiry
from ems.store.tables import Tables

LANES = 16
"""Transactions that can add to the feed at the same moment: two in one lane conflict. It may grow, never shrink."""

HEAD = 0
"""The number under which a lane keeps its length."""

PAGE_EVENTS = 50
"""Events of a page at most: some 10 KB."""

NOTICE_SECONDS = 10.0
"""Within so long each process notices that the feed is wanted, or no more."""


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """One event as the feed keeps it.

    ``key`` names it on the mail's timeline, ``at`` is when it happened in epoch seconds. ``main``: it is about the
    mail's recipient and not about one of its cc and bcc recipients.
    """

    type: str
    email_id: str
    key: str
    at: float
    campaign_id: str | None
    main: bool = True

    def json(self) -> dict[str, Any]:
        """Return it as a page keeps it."""
        kept = {"type": self.type, "email_id": self.email_id, "key": self.key, "at": self.at}
        return kept | ({"campaign_id": self.campaign_id} if self.campaign_id else {}) | ({} if self.main else {"cc": 1})

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> "FeedEvent":
        """Read what :meth:`json` wrote; a later release may tell more."""
        return cls(
            kept["type"], kept["email_id"], kept["key"], kept["at"], kept.get("campaign_id"), main="cc" not in kept
        )


def feed_actions(events: int) -> int:
    """Return how many actions of a transaction it takes to add so many events."""
    return 1 + math.ceil(events / PAGE_EVENTS) if events else 0


def lane_key(lane: int) -> str:
    """Return the hash key of a lane."""
    return f"lane#{lane:02d}"


@dataclass(eq=False, slots=True)
class _Lane:
    """A lane, and its length as this process left it; None when that is not known."""

    number: int
    length: int | None = None


class Turn:
    """A lane that this thread may add to, once."""

    def __init__(self, tables: Tables, lane: int, *, length: int, now: float, keep_seconds: float) -> None:
        self._table = tables.feed
        self._lane = lane
        self._length = length
        self._now = now
        self._keep = keep_seconds
        self.length_after: int | None = None

    def add(self, transaction: TransactWrite, events: Sequence[FeedEvent]) -> None:
        """Put the writes that add *events* into a transaction: the head's, which has the condition, and the pages'."""
        table, key, last = self._table, lane_key(self._lane), self._length
        for page in in_pages(events, PAGE_EVENTS):
            last += len(page)
            told, lives = [event.json() for event in page], expiry(self._now, self._keep)
            transaction.save(table(key, last, at=self._now, events=told, expires_at=lives))
        unmoved = table.length.does_not_exist() if self._length == 0 else table.length == self._length
        head: list[Action] = [table.length.set(last), table.at.set(self._now)]
        transaction.update(table(key, HEAD), actions=head, condition=unmoved)
        self._added_up_to = last

    def done(self) -> None:
        """Hear that the transaction was written."""
        self.length_after = self._added_up_to


class Feed:
    """Adds to the feed, for the threads of one process.

    A process keeps to the lanes that it used last, whose lengths it knows, and leaves one that another has written to.

    Args:
        tables: The tables.
        always: Keep the feed whether or not an endpoint wants it.
        keep_seconds: How long its pages live.
        clock: Epoch seconds.
        shuffled: Orders the lanes as this process takes them: two processes should not begin with the same.
    """

    def __init__(
        self,
        tables: Tables,
        *,
        always: bool,
        keep_seconds: float,
        clock: Callable[[], float] = time.time,
        shuffled: Callable[[Sequence[int]], Sequence[int]] = lambda lanes: random.sample(lanes, len(lanes)),
    ) -> None:
        self._tables = tables
        self._always = always
        self._keep = keep_seconds
        self._clock = clock
        self._free = deque(_Lane(number) for number in shuffled(range(LANES)))
        self._any_free = BoundedSemaphore(LANES)
        self._wanted = always
        self._asked_at = float("-inf")

    def wanted(self) -> bool:
        """Tell whether events are to be added: there is an endpoint, or the settings say so.

        Raises:
            UnavailableError: DynamoDB cannot be reached.
        """
        if not self._always and self._clock() - self._asked_at >= NOTICE_SECONDS:
            with translated("cannot see whether there are webhook endpoints"):
                self._wanted = any(self._tables.webhooks.scan(limit=1, attributes_to_get=["endpoint_id"]))
            self._asked_at = self._clock()
        return self._wanted

    @contextmanager
    def turn(self) -> Iterator[Turn]:
        """Hold a lane for one transaction, and call :meth:`Turn.done` once that is written.

        Otherwise the transaction failed, or nobody knows, and the lane's length is read again.

        Raises:
            UnavailableError: DynamoDB cannot be reached.
        """
        with self._any_free:
            lane = self._free.pop()
            length_before, lane.length = lane.length, None
            try:
                if length_before is None:
                    length_before = self._length(lane.number)
                turn = Turn(self._tables, lane.number, length=length_before, now=self._clock(), keep_seconds=self._keep)
                yield turn
                lane.length = turn.length_after
            finally:
                # The last that was written to is the next one to be; one that another process is at, the last.
                (self._free.appendleft if lane.length is None else self._free.append)(lane)

    def _length(self, lane: int) -> int:
        with translated("cannot read the feed"):
            try:
                return int(self._tables.feed.get(lane_key(lane), HEAD, consistent_read=True).length)
            except DoesNotExist:
                return 0
