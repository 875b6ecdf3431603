"""The ledger: every write of a delivery, so that a crash between any two of them leaves a state that tells.

A chunk's item says which of its recipients are in the call now under way (``under_way``) and which were never tried or
were given back (``left``); the others are settled. One TransactWriteItems after each SES call stores the message ids
and marks the next call. Recipients are addressed by their position in the chunk.
"""

import random
import time
import uuid
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from pynamodb.exceptions import TransactWriteError
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from ems.errors import UnavailableError
from ems.store.emails import campaign_shard
from ems.store.failures import conditionally, has_failed_condition, is_conflict, patiently, translated
from ems.store.models import BatchRow, TrackerRow
from ems.store.retention import expiry
from ems.store.status import Status
from ems.store.tables import Tables

ATTEMPTS = 10
COUNTED = (Status.SENT, Status.FAILED, Status.SUPPRESSED, Status.CANCELLED, Status.IN_DOUBT)
"""The states that a chunk counts; they are attributes of the same names."""


class LeaseLostError(Exception):
    """Another worker took the chunk over; nothing more may be sent or written for it."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of one recipient: the row to write and the state it is counted under."""

    position: int
    email_id: str
    recipient: str
    status: Status
    message_id: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class ChunkKey:
    """Where a chunk and its mails belong."""

    batch_id: str
    chunk: int
    campaign_id: str
    kind: str
    size: int

    @property
    def item(self) -> str:
        """Return the sort key of the chunk's item."""
        return chunk_item(self.chunk)


@dataclass(frozen=True, slots=True)
class ChunkState:
    """A chunk's progress, in positions. ``under_way`` of a chunk just taken over is in doubt."""

    left: tuple[int, ...]
    under_way: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Busy:
    """Another worker has the chunk until ``until`` (epoch seconds)."""

    until: float


@dataclass(frozen=True, slots=True)
class Done:
    """The chunk is finished; the message is a repetition."""


def chunk_item(chunk: int) -> str:
    """Name the sort key of a chunk."""
    return f"chunk#{chunk:06d}"


class Ledger:
    """Chunk writes. *clock* gives epoch seconds; *retention_seconds* sets the rows' TTL."""

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

    def claim(self, key: ChunkKey, *, owner: str, lease_seconds: float) -> ChunkState | Busy | Done:
        """Take the chunk for *owner*, creating its item if it is new or taking it over if its lease ended.

        Raises:
            UnavailableError: DynamoDB cannot be reached.
        """
        table, now = self._tables.batches, self._clock()
        row = table(key.batch_id, key.item)
        # The last alternative is this very call, sent again by botocore after its answer was lost.
        free = table.lease_until.does_not_exist() | (table.lease_until < now) | (table.lease_owner == owner)
        claimed = conditionally(
            "cannot claim a chunk",
            row.update,
            actions=[
                table.lease_owner.set(owner),
                table.lease_until.set(now + lease_seconds),
                table.size.set(table.size | key.size),
                table.left.set(table.left | list(range(key.size))),
                table.state.set(table.state | "open"),
                table.started_at.set(table.started_at | now),
                table.expires_at.set(table.expires_at | expiry(now, self._retention)),
            ],
            condition=free & (table.state.does_not_exist() | (table.state == "open")),
        )
        return _state(row) if claimed else self._why_not(key)

    def settle(
        self,
        key: ChunkKey,
        state: ChunkState,
        settled: Sequence[Settled],
        *,
        owner: str,
        next_call: Sequence[int],
    ) -> ChunkState:
        """Write what one call brought and mark the next, in one transaction of at most 51 items.

        *settled* leaves the chunk, what is under way and not settled returns to ``left``, *next_call* is taken from
        ``left``. A chunk with nothing left and nothing under way is done.

        Raises:
            LeaseLostError: The chunk belongs to another worker by now.
            UnavailableError: DynamoDB cannot be reached; the transaction may or may not have been written.
        """
        after = _advance(state, {s.position for s in settled}, next_call)
        finished = not after.under_way and not after.left
        table, now = self._tables.batches, self._clock()
        actions: list[Action] = [
            table.left.set(list(after.left)),
            table.under_way.set(list(after.under_way)),
            table.updated_at.set(now),
            table.state.set("done" if finished else "open"),
        ]
        for status in COUNTED:
            number = sum(1 for s in settled if s.status is status)
            if number:
                actions.append(getattr(table, status.value).add(number))

        def write(transaction: TransactWrite) -> None:
            transaction.update(table(key.batch_id, key.item), actions=actions, condition=table.lease_owner == owner)
            for one in settled:
                row, changes = self._mail(key, one, now)
                transaction.update(row, actions=changes)

        self.transact(write)
        return after

    def release(self, key: ChunkKey, state: ChunkState, *, owner: str) -> None:
        """Give the chunk back: nothing is under way (a call that was marked has not been made), no lease.

        Raises:
            LeaseLostError: The chunk belongs to another worker by now.
        """
        # Patient, because a mark that stays would put recipients in doubt whom SES was never asked about.
        patiently(lambda: self._release(key, _advance(state, frozenset(), ()), owner), sleep=self._sleep)

    def _release(self, key: ChunkKey, idle: ChunkState, owner: str) -> None:
        table = self._tables.batches
        released = conditionally(
            "cannot release a chunk",
            table(key.batch_id, key.item).update,
            actions=[
                table.left.set(list(idle.left)),
                table.under_way.set([]),
                table.lease_owner.remove(),
                table.lease_until.remove(),
            ],
            condition=table.lease_owner == owner,
        )
        if not released:
            raise LeaseLostError(key.item)

    def evidence(self, email_ids: Sequence[str]) -> set[str]:
        """Return those of *email_ids* (at most 100) of which an SES event has already arrived."""
        table = self._tables.emails
        with translated("cannot read mails in doubt"):
            rows = list(table.batch_get(list(email_ids), consistent_read=True))
        return {row.email_id for row in rows if row.event_status is not None}

    def transact(self, write: Callable[[TransactWrite], None]) -> None:
        """Run a transaction, again on conflicts and on lost answers.

        All attempts carry one ClientRequestToken, so an attempt whose answer was lost is not applied twice
        (DynamoDB keeps the token for ten minutes).

        Raises:
            LeaseLostError: A condition failed.
            UnavailableError: DynamoDB cannot be reached; the transaction may or may not have been written.
        """
        token = str(uuid.uuid4())

        def attempt() -> None:
            with (
                translated("cannot write a delivery"),
                TransactWrite(connection=self._tables.connection, client_request_token=token) as transaction,
            ):
                write(transaction)

        for conflicts in range(1, ATTEMPTS + 1):
            try:
                patiently(attempt, sleep=self._sleep)
            except TransactWriteError as error:
                if is_conflict(error):
                    # An event of the same mail was being written: it takes milliseconds.
                    self._sleep(random.uniform(0.002, 0.01) * conflicts)  # noqa: S311 - jitter
                elif has_failed_condition(error):
                    raise LeaseLostError("a condition of the transaction failed") from error
                else:
                    raise
            else:
                return
        raise UnavailableError("DynamoDB", "a transaction kept conflicting with others")

    def _mail(self, key: ChunkKey, one: Settled, now: float) -> tuple[TrackerRow, list[Action]]:
        table = self._tables.emails
        changes: list[Action] = [
            table.send_status.set(one.status.value),
            table.campaign_id.set(key.campaign_id),
            table.campaign_shard.set(campaign_shard(key.campaign_id, one.email_id)),
            table.kind.set(key.kind),
            table.batch_id.set(key.batch_id),
            table.chunk.set(key.chunk),
            table.recipient.set(one.recipient),
            table.created_at.set(table.created_at | now),
            table.updated_at.set(now),
            table.expires_at.set(expiry(now, self._retention)),
        ]
        if one.status is not Status.SUPPRESSED:
            changes.append(table.attempts.set(1))  # SES was asked: what it gives back is not settled
        if one.message_id is not None:
            changes += [table.message_id.set(one.message_id), table.sent_at.set(now)]
        if one.reason is not None:
            changes.append(table.reason.set(one.reason))
        return table(one.email_id), changes

    def _why_not(self, key: ChunkKey) -> Busy | Done:
        with translated("cannot read a chunk"):
            row = self._tables.batches.get(key.batch_id, key.item, consistent_read=True)
        return Done() if row.state != "open" else Busy(float(row.lease_until or 0))


def counts_of(row: BatchRow) -> dict[str, int]:
    """Read a chunk item's counts."""
    return {status.value: int(getattr(row, status.value) or 0) for status in COUNTED}


def _state(row: BatchRow) -> ChunkState:
    return ChunkState(
        left=tuple(int(p) for p in row.left or ()),
        under_way=tuple(int(p) for p in row.under_way or ()),
    )


def _advance(state: ChunkState, settled: AbstractSet[int], next_call: Sequence[int]) -> ChunkState:
    """What SES gave back goes to the front: it has waited longest."""
    left = [p for p in (*state.under_way, *state.left) if p not in settled and p not in next_call]
    return ChunkState(left=tuple(left), under_way=tuple(next_call))
