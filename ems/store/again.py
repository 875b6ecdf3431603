"""Sending again to recipients of a batch, or after all: they leave their chunk for a new one, in one transaction.

The rows, the counts of both chunks and the new chunk's parked payload are written together, so there is no moment in
which a crash could lose a recipient or count one twice; from the parked payload on the drainer does what it does for
every chunk. The condition on each row makes a repetition, or an event that comes at the same moment, win or lose whole.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from ems.store.batches import BATCH
from ems.store.chunk_counts import added, forgotten
from ems.store.chunk_state import chunk_item
from ems.store.doubts import Decision, Doubt, still
from ems.store.emails import rows_of
from ems.store.failures import conditionally
from ems.store.held import Held, still_held
from ems.store.parking import lot_rows
from ems.store.retention import expiry
from ems.store.settling import in_chunk
from ems.store.status import Status
from ems.store.tables import Tables
from ems.store.transactions import transact


@dataclass(frozen=True, slots=True)
class Failure:
    """A mail of a batch that failed for a reason that may pass."""

    email_id: str
    chunk: int
    reason: str | None = None
    decisions: tuple[Mapping[str, Any], ...] = ()


Mails = Sequence[Doubt] | Sequence[Failure] | Sequence[Held]
"""Mails of a batch that are all in one state."""


@dataclass(frozen=True, slots=True)
class Move:
    """Up to 50 mails of one state that go from ``chunk`` to ``new_chunk``, whose message is ``body``."""

    batch_id: str
    campaign_id: str
    chunk: int
    new_chunk: int
    mails: Mails
    body: str
    decision: Decision

    @property
    def before(self) -> Status:
        """Return the state that the mails are in."""
        match self.mails[0]:
            case Doubt():
                return Status.IN_DOUBT
            case Held():
                return Status.HELD
            case Failure():
                return Status.FAILED


class Again:
    """Moves mails into new chunks. *clock* gives epoch seconds. Methods raise UnavailableError without DynamoDB."""

    def __init__(
        self,
        tables: Tables,
        *,
        retention_seconds: float,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._tables = tables
        self._retention = retention_seconds
        self._clock = clock
        self._sleep = sleep

    def failures(self, email_ids: Sequence[str]) -> list[Failure]:
        """Return those of up to 100 mails of a batch that may be sent again after their failure."""
        return [
            Failure(row.email_id, int(row.chunk), row.reason, tuple(row.decisions or ()))
            for row in rows_of(self._tables.emails, email_ids)
            if row.send_status == Status.FAILED.value and row.may_pass and row.chunk is not None
        ]

    def new_chunk(self, batch_id: str) -> int | None:
        """Number a new chunk of a batch; None when the batch is cancelled. A number that is not used does no harm."""
        table = self._tables.batches
        row = table(batch_id, BATCH)
        sending = table.state.is_in("waiting", "paused")
        number: list[Action] = [table.chunks.add(1), table.more_chunks.add(1)]
        if not conditionally("cannot number a chunk", row.update, actions=number, condition=sending):
            return None
        return int(row.chunks) - 1

    def move(self, move: Move) -> bool:
        """Write *move*; False when any of its mails is no longer as it was read, and then nothing is written."""
        emails, now = self._tables.emails, self._clock()

        def write(transaction: TransactWrite) -> None:
            self._chunks(transaction, move, now)
            for mail in move.mails:
                actions: list[Action] = [
                    emails.send_status.set(Status.QUEUED.value),
                    emails.chunk.set(move.new_chunk),
                    emails.decisions.set(move.decision.after(mail.decisions, reason=mail.reason)),
                    emails.updated_at.set(now),
                ]
                transaction.update(emails(mail.email_id), actions=actions, condition=self._unchanged(mail))

        return transact(self._tables, "cannot move mails to a new chunk", write, sleep=self._sleep)

    def _chunks(self, transaction: TransactWrite, move: Move, now: float) -> None:
        table, size, expires_at = self._tables.batches, len(move.mails), expiry(now, self._retention)
        email_ids = [mail.email_id for mail in move.mails]
        transaction.update(
            table(move.batch_id, chunk_item(move.chunk)),
            actions=[
                table.size.add(-size),
                added(table, move.before, -size),
                *forgotten(table, email_ids, move.before),
            ],
        )
        fresh = table(
            move.batch_id,
            chunk_item(move.new_chunk),
            size=size,
            left=list(range(size)),
            state="open",
            again=move.before.value,
            started_at=now,
            expires_at=expires_at,
        )
        transaction.save(fresh, condition=table.item.does_not_exist())
        parked = {move.new_chunk: move.body}
        payloads, lot = lot_rows(table, move.batch_id, move.campaign_id, parked, now=now, expires_at=expires_at)
        for row in (*payloads, lot):
            transaction.save(row)

    def _unchanged(self, mail: Doubt | Failure | Held) -> Condition:
        table = self._tables.emails
        condition: Condition
        match mail:
            case Doubt():
                condition = still(table, mail)
            case Held():
                condition = still_held(table, mail)
            case Failure():
                condition = (table.send_status == Status.FAILED.value) & in_chunk(table, mail.chunk)
                condition &= table.may_pass == True  # noqa: E712 - it builds a condition
        condition &= table.event_status.does_not_exist()
        return condition
