"""Writing to the feed as tracking does."""

from collections.abc import Sequence

from fakes.clock import Clock
from pynamodb.transactions import TransactWrite

from ems.store.feed import Feed, FeedEvent
from ems.store.tables import Tables

KEEP_SECONDS = 7 * 86_400.0


def feed_of(tables: Tables, clock: Clock, *, lanes: Sequence[int] | None = None, always: bool = True) -> Feed:
    """Return a feed that takes its lanes from the end of *lanes*."""
    return Feed(
        tables, always=always, keep_seconds=KEEP_SECONDS, clock=clock, shuffled=lambda every: lanes or list(every)
    )


def an_event(number: int, *, type: str = "delivery", campaign_id: str | None = "welcome") -> FeedEvent:  # noqa: A002
    return FeedEvent(type, f"mail-{number}", f"key-{number}", 1_700_000_000.0 + number, campaign_id)


def add(tables: Tables, feed: Feed, *events: FeedEvent) -> None:
    """Write a transaction that holds nothing but the feed's part."""
    with feed.turn() as turn:
        with TransactWrite(connection=tables.connection) as transaction:
            turn.add(transaction, events)
        turn.done()
