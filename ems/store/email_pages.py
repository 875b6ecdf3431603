"""Reading mails: one by its id, many by message id, recipient or campaign."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pynamodb.exceptions import DoesNotExist

from ems.store import pages
from ems.store.emails import campaign_shards
from ems.store.failures import translated
from ems.store.keys import is_id
from ems.store.models import TrackerRow
from ems.store.pages import ROWS_READ_PER_PAGE, Page
from ems.store.parallel import in_pages
from ems.store.tables import Tables

ROWS_OF_A_QUERY = 200
"""Rows that one query of the campaign index asks for; DynamoDB gives fewer when they are more than 1 MB."""

_EXPORTED = [
    "email_id",
    "batch_id",
    "campaign_id",
    "recipient",
    "send_status",
    "event_status",
    "message_id",
    "reason",
    "created_at",
    "sent_at",
    "moments",
    "expires_at",
]
"""What an export needs of a row. The timeline is not of it, and would be most of what is read."""


class EmailPages:
    """Queries on ``email-event-tracker`` for readers. Every method raises UnavailableError without DynamoDB.

    Rows whose time to live has passed count as gone, since DynamoDB deletes them at some time within days. So a page
    may be shorter than its limit and still have a next. *clock* gives epoch seconds.
    """

    def __init__(self, tables: Tables, *, clock: Callable[[], float] = time.time) -> None:
        self._table = tables.emails
        self._clock = clock

    def get(self, email_id: str) -> TrackerRow | None:
        """Read one mail; None when there is no row."""
        if not is_id(email_id):
            return None
        with translated("cannot read the mail"):
            try:
                row = self._table.get(email_id, consistent_read=True)
            except DoesNotExist:
                return None
        return row if self._lives(row) else None

    def of_message(self, message_id: str, *, limit: int, cursor: str | None) -> Page[TrackerRow]:
        """List the mails of one SES message: one, as a rule."""
        if not is_id(message_id):
            return Page([], None)
        listing = f"message:{message_id}"
        after = _after(cursor, listing, message_id=message_id)
        with translated("cannot list mails"):
            found = self._table.by_message_id.query(message_id, limit=limit, last_evaluated_key=after)
            ids = [row.email_id for row in found]
            # The index holds keys alone.
            rows = {row.email_id: row for row in self._living(self._table.batch_get(ids))} if ids else {}
        return Page([rows[email_id] for email_id in ids if email_id in rows], _next(found, listing))

    def of_recipient(self, recipient: str, *, limit: int, cursor: str | None) -> Page[TrackerRow]:
        """List the mails to one address (lower case), in the order of their ids."""
        listing = f"recipient:{recipient}"
        after = _after(cursor, listing, recipient=recipient)
        with translated("cannot list mails"):
            found = self._table.by_recipient.query(recipient, limit=limit, last_evaluated_key=after)
            rows = list(self._living(found))
        return Page(rows, _next(found, listing))

    def of_campaign(
        self, campaign_id: str, *, wanted: Callable[[TrackerRow], bool], limit: int, cursor: str | None
    ) -> Page[TrackerRow]:
        """List the *wanted* mails of a campaign, one index shard after the other.

        A page may be shorter than *limit* and still have a next: reading stops after ROWS_READ_PER_PAGE rows.
        """
        listing = f"campaign:{campaign_id}"
        shards = campaign_shards(campaign_id)
        shard, last_id = pages.decode(cursor, listing, keys=2) if cursor else (shards[0], None)
        if shard not in shards:
            raise pages.wrong_cursor()
        items: list[TrackerRow] = []
        for read, row in enumerate(self._from(shards[shards.index(shard) :], last_id), start=1):
            if self._lives(row) and wanted(row):
                items.append(row)
            if len(items) == limit or read == ROWS_READ_PER_PAGE:
                return Page(items, pages.encode(listing, row.campaign_shard or "", row.email_id))
        return Page(items, None)

    def all_of_campaign(self, campaign_id: str, *, batch_id: str | None = None) -> Iterator[list[TrackerRow]]:
        """Yield the mails of a campaign, or of one of its batches; a query is made when its rows are asked for.

        The rows hold what an export needs and no more.
        """
        if not is_id(campaign_id):
            return
        table = self._table
        of_batch = None if batch_id is None else table.email_id.startswith(f"{batch_id}-")
        for shard in campaign_shards(campaign_id):
            with translated("cannot list mails"):
                rows = table.by_campaign.query(shard, of_batch, page_size=ROWS_OF_A_QUERY, attributes_to_get=_EXPORTED)
                yield from in_pages(self._living(rows), ROWS_OF_A_QUERY)

    def _from(self, shards: list[str], last_id: str | None) -> Iterator[TrackerRow]:
        """Yield the rows of *shards* in order, those of the first shard after *last_id*."""
        for shard in shards:
            after = _key(campaign_shard=shard, email_id=last_id) if last_id else None
            last_id = None
            with translated("cannot list mails"):
                yield from self._table.by_campaign.query(shard, last_evaluated_key=after, page_size=ROWS_OF_A_QUERY)

    def _living(self, rows: Iterable[TrackerRow]) -> Iterator[TrackerRow]:
        return filter(self._lives, rows)

    def _lives(self, row: TrackerRow) -> bool:
        return row.expires_at is None or row.expires_at.timestamp() > self._clock()


def _after(cursor: str | None, listing: str, **partition: str) -> dict[str, dict[str, str]] | None:
    """Return the key in *partition* that *cursor* goes on after; None at the start.

    Raises:
        InvalidError: The cursor is none of *listing*.
    """
    if not cursor:
        return None
    (last_id,) = pages.decode(cursor, listing, keys=1)
    return _key(**partition, email_id=last_id)


def _key(**attributes: str) -> dict[str, dict[str, str]]:
    """Write a key as DynamoDB does."""
    return {name: {"S": value} for name, value in attributes.items()}


def _next(found: Any, listing: str) -> str | None:
    last = found.last_evaluated_key
    return pages.encode(listing, last["email_id"]["S"]) if last else None
