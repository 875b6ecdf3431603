"""The feed as the backend reads it, with a cursor of its own."""

from collections.abc import Callable
from dataclasses import dataclass

from ems.errors import ConflictError
from ems.notify.messages import EventMessage, Messages
from ems.store.endpoints import Wishes
from ems.store.feed_reader import FeedReader, Position

FROM_NOW = "now"
"""Stands for the cursor behind everything that has happened."""


@dataclass(frozen=True, slots=True)
class Catch:
    """Some events, the cursor behind them, and whether more have happened already."""

    items: list[EventMessage]
    next: str
    more: bool


class Events:
    """Reads events. *kept* tells whether new ones are added to the feed at all."""

    def __init__(self, feed: FeedReader, messages: Messages, *, kept: Callable[[], bool]) -> None:
        self._feed = feed
        self._messages = messages
        self._kept = kept

    def after(self, cursor: str | None, *, wishes: Wishes, limit: int) -> Catch:
        """Return what comes after *cursor*; None is the beginning of the feed, ``now`` its end.

        Of *limit* events that are read those are returned that *wishes* include; the cursor is behind all of them.

        Raises:
            InvalidError: The cursor is none of the feed.
            ConflictError: No feed is kept: the caller would wait in vain.
            UnavailableError: DynamoDB cannot be reached.
        """
        if not self._kept():
            raise ConflictError(
                "no events are kept; set EMS_EVENT_FEED=1, or POST /webhook-endpoints and ask again in 10 seconds"
            )
        if cursor == FROM_NOW:
            return Catch([], self._feed.end().cursor(), more=False)
        stretch = self._feed.read(Position.of_cursor(cursor) if cursor else Position(), limit=limit)
        wanted = [one for one in stretch.events if wishes.include(one.event)]
        return Catch(self._messages.of(wanted), stretch.position.cursor(), stretch.more)
