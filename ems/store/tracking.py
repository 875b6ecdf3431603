"""Tracking's reads and writes of ``email-event-tracker``: optimistic, and exact under repetition.

Tracking reads a row consistently, decides, and writes on the condition that ``version`` has not moved since. The
sender writes other attributes of the same row and leaves ``version`` alone, so the two never undo each other. The
counters that a row moves (:mod:`ems.store.counters`) move in the transaction that writes it (docs/adr/0025).
"""

import hashlib
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pynamodb.exceptions import PynamoDBException
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from ems.store.chunk_counts import moved
from ems.store.chunk_state import chunk_item
from ems.store.counters import SHARDS, Counts, move, total
from ems.store.emails import campaign_shard
from ems.store.facts import Facts
from ems.store.failures import has_failed_condition, is_conflict, translated
from ems.store.feed import Feed, FeedEvent, feed_actions
from ems.store.models import TrackerRow
from ems.store.retention import expiry
from ems.store.settling import in_chunk
from ems.store.status import Status
from ems.store.tables import Tables

DERIVED_PREFIX = "m-"
"""Starts the ids of rows that an event created for a mail without our tag."""

MAX_ACTIONS = 100
"""Items of one TransactWriteItems (DynamoDB quota)."""

MAX_ROWS_OF_A_MESSAGE = 60
"""SES takes 50 recipients a message; each may have a row."""


class RaceLostError(Exception):
    """Somebody else wrote the row since it was read: read it again and decide anew."""


@dataclass(frozen=True, slots=True)
class TrackedMail:
    """A mail's row as tracking sees it. ``version`` is None until tracking has written the row once.

    ``doubted``: the outcome of an SES call for it was unknown, now or before it was sent again. ``erased``: it had a
    recipient who was erased. ``created_at`` is in epoch seconds.
    """

    email_id: str
    version: int | None = None
    message_id: str | None = None
    recipient: str | None = field(default=None, repr=False)
    campaign_id: str | None = None
    batch_id: str | None = None
    chunk: int | None = None
    request_id: str | None = None
    send_status: Status | None = None
    event_status: Status | None = None
    doubted: bool = False
    erased: bool = False
    created_at: float | None = None
    timeline: tuple[Mapping[str, Any], ...] = ()
    moments: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    seen: frozenset[str] = frozenset()
    facts: Facts | None = None


@dataclass(frozen=True, slots=True)
class TrackingWrite:
    """What the events of one SES message change.

    ``message_id``, ``recipient`` and ``campaign_id`` fill gaps and never replace what the sender wrote.
    ``settles_doubt``: the mail was in doubt and an event proves that SES took it, whatever was decided since.
    """

    event_status: Status | None
    timeline: tuple[Mapping[str, Any], ...]
    moments: Mapping[str, Mapping[str, Any]]
    seen: frozenset[str]
    facts: Facts
    message_id: str | None
    recipient: str | None = field(repr=False)
    campaign_id: str | None
    settles_doubt: bool


@dataclass(frozen=True, slots=True)
class MailWrite:
    """A row as it was read, what is to be written, and the counters and events of the feed that go with it."""

    mail: TrackedMail
    write: TrackingWrite
    counts: Counts = field(default_factory=dict)
    news: Sequence[FeedEvent] = ()


def fits(writes: Sequence[MailWrite]) -> bool:
    """Tell whether one transaction takes *writes*: settling one doubt may touch the chunk of another."""
    places = {place for one in writes for place in one.counts}
    settling = sum(one.write.settles_doubt for one in writes)
    feed = feed_actions(sum(len(one.news) for one in writes))
    return settling <= 1 and len(writes) + settling + len(places) + feed <= MAX_ACTIONS


def derived_email_id(message_id: str, recipient: str | None) -> str:
    """Name the row of a mail that carries no tag of ours: always the same for a message and a recipient."""
    digest = hashlib.sha256(f"{message_id}\x1f{recipient or ''}".encode("utf-8", "surrogatepass"))
    return f"{DERIVED_PREFIX}{digest.hexdigest()[:32]}"


class TrackingStore:
    """The rows of mails, for tracking, and what goes with them: the counters, and the feed.

    *clock* gives epoch seconds, *shard* the shard of a transaction's counters; *retention_seconds* sets the TTL of new
    rows. Without a *feed* none is kept.
    """

    def __init__(
        self,
        tables: Tables,
        *,
        retention_seconds: float,
        clock: Callable[[], float],
        shard: Callable[[], int] = lambda: random.randrange(SHARDS),  # noqa: S311 - spreads load
        feed: Feed | None = None,
    ) -> None:
        self._tables = tables
        self._retention = retention_seconds
        self._clock = clock
        self._shard = shard
        self._feed = feed

    def load(self, email_ids: Iterable[str]) -> dict[str, TrackedMail]:
        """Read rows consistently, a hundred with a call; a mail without a row comes back empty.

        Raises:
            UnavailableError: DynamoDB cannot be reached.
        """
        mails = {email_id: TrackedMail(email_id) for email_id in email_ids}
        with translated("cannot read mails"):
            rows = list(self._tables.emails.batch_get(list(mails), consistent_read=True))
        return mails | {row.email_id: _tracked(row) for row in rows}

    def find(self, message_id: str, recipient: str | None) -> str | None:
        """Look up the email id of an SES message; the index lags the table by milliseconds.

        The row that the sender wrote comes before one that an event created. Of those, only the one of *recipient*
        counts.

        Raises:
            UnavailableError: DynamoDB cannot be reached.
        """
        with translated("cannot look up a message id"):
            rows = list(self._tables.emails.by_message_id.query(message_id, limit=MAX_ROWS_OF_A_MESSAGE))
        found = {row.email_id for row in rows}
        ours = sorted(email_id for email_id in found if not email_id.startswith(DERIVED_PREFIX))
        derived = derived_email_id(message_id, recipient)
        return ours[0] if ours else derived if derived in found else None

    def save(self, *writes: MailWrite) -> None:
        """Write all of *writes*, each of another mail, if their rows are still as they were read, or none of them.

        Creates rows that are not there. The counters move with the rows; those of one shard, drawn by chance. So does
        the feed, if anybody wants it.

        Raises:
            RaceLostError: A row has changed, or somebody else holds one, the counters or the lane of the feed.
            UnavailableError: DynamoDB cannot be reached; the write may or may not have happened.
        """
        with translated("cannot write events"):
            try:
                self._write(writes)
            except PynamoDBException as error:
                # Inside, since a conflict is this method's everyday business and no outage.
                if has_failed_condition(error) or is_conflict(error):
                    raise RaceLostError(", ".join(one.mail.email_id for one in writes)) from error
                raise

    def _write(self, writes: Sequence[MailWrite]) -> None:
        news = [event for one in writes for event in one.news]
        if not news or self._feed is None or not self._feed.wanted():
            with TransactWrite(connection=self._tables.connection) as transaction:
                self._put(transaction, writes)
            return
        with self._feed.turn() as turn:
            with TransactWrite(connection=self._tables.connection) as transaction:
                self._put(transaction, writes)
                turn.add(transaction, news)
            turn.done()

    def _put(self, transaction: TransactWrite, writes: Sequence[MailWrite]) -> None:
        now = self._clock()
        for one in writes:
            self._put_row(transaction, one.mail, one.write, now=now)
        move(
            transaction,
            self._tables.stats,
            total(one.counts for one in writes),
            shard=self._shard(),
            now=now,
            retention_seconds=self._retention,
        )

    def _put_row(self, transaction: TransactWrite, mail: TrackedMail, write: TrackingWrite, *, now: float) -> None:
        table = self._tables.emails
        actions = self._actions(mail, write, now=now)
        unchanged = table.version.does_not_exist() if mail.version is None else table.version == mail.version
        if write.settles_doubt:
            actions += self._settle(transaction, mail, now=now)
            # The mail may have gone to another chunk and into doubt again since it was read.
            unchanged &= (table.send_status == _doubt_of(mail).value) & in_chunk(table, mail.chunk)
        transaction.update(table(mail.email_id), actions=actions, condition=unchanged)

    def _settle(self, transaction: TransactWrite, mail: TrackedMail, *, now: float) -> list[Action]:
        """Move the chunk's counts with the mail, and once: the status they move from is a condition of the row."""
        table, chunks = self._tables.emails, self._tables.batches
        if mail.batch_id is not None and mail.chunk is not None:
            transaction.update(
                chunks(mail.batch_id, chunk_item(mail.chunk)),
                actions=moved(chunks, mail.email_id, before=_doubt_of(mail), after=Status.SENT, now=now),
            )
        return [
            table.send_status.set(Status.SENT.value),
            table.sent_at.set(table.sent_at | now),
            table.reason.remove(),
        ]

    def _actions(self, mail: TrackedMail, write: TrackingWrite, *, now: float) -> list[Action]:
        table = self._tables.emails
        actions: list[Action] = [
            table.timeline.set(list(write.timeline)),
            table.moments.set(dict(write.moments)),
            table.seen.set(set(write.seen)),
            table.facts.set(write.facts.json()),
            table.version.set((mail.version or 0) + 1),
            table.updated_at.set(now),
            table.created_at.set(table.created_at | now),
            table.expires_at.set(table.expires_at | expiry(now, self._retention)),
        ]
        if write.event_status is not None:
            actions.append(table.event_status.set(write.event_status.value))
        if write.message_id:
            actions.append(table.message_id.set(table.message_id | write.message_id))
        if write.message_id and mail.doubted:
            # Sent again, it may be two messages: each of them is on record.
            actions.append(table.message_ids.add({write.message_id}))
        if write.recipient:
            actions.append(table.recipient.set(table.recipient | write.recipient))
        if write.campaign_id:
            shard = campaign_shard(write.campaign_id, mail.email_id)
            actions.append(table.campaign_id.set(table.campaign_id | write.campaign_id))
            actions.append(table.campaign_shard.set(table.campaign_shard | shard))
        return actions


def _tracked(row: TrackerRow) -> TrackedMail:
    return TrackedMail(
        email_id=row.email_id,
        version=None if row.version is None else int(row.version),
        message_id=row.message_id,
        recipient=row.recipient,
        campaign_id=row.campaign_id,
        batch_id=row.batch_id,
        chunk=None if row.chunk is None else int(row.chunk),
        request_id=row.request_id,
        send_status=None if row.send_status is None else Status(row.send_status),
        event_status=None if row.event_status is None else Status(row.event_status),
        doubted=row.doubted_at is not None,
        erased=row.erased_at is not None,
        created_at=None if row.created_at is None else float(row.created_at),
        timeline=tuple(row.timeline or ()),
        moments=row.moments or {},
        seen=frozenset(row.seen or ()),
        facts=Facts.of(row.facts),
    )


def _doubt_of(mail: TrackedMail) -> Status:
    """Return the status that an event's proof overturns."""
    return mail.send_status or Status.IN_DOUBT
