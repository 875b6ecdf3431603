"""The ledger: every write of a delivery, so that a crash between any two of them leaves a state that tells.

A chunk's item says which of its recipients are in the call now under way (``under_way``) and which were never tried or
were given back (``left``); the others are settled. One TransactWriteItems after each SES call stores the message ids
and marks the next call. Recipients are addressed by their position in the chunk.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from ems.store.chunk_counts import COUNTED, added, remembered
from ems.store.chunk_state import Busy, ChunkKey, ChunkState, Done, Settled
from ems.store.emails import campaign_shard
from ems.store.failures import conditionally, patiently, translated
from ems.store.models import BatchRow
from ems.store.retention import expiry
from ems.store.status import Status
from ems.store.tables import Tables
from ems.store.transactions import transact


class LeaseLostError(Exception):
    """Another worker took the chunk over; nothing more may be sent or written for it."""


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
        unproven: Sequence[str] = (),
    ) -> ChunkState:
        """Write what one call brought and mark the next, in one transaction of at most 51 items.

        *settled* leaves the chunk, what is under way and not settled returns to ``left``, *next_call* is taken from
        ``left``. A chunk with nothing left and nothing under way is done.

        An event may prove that SES took a mail before this is written. So whatever contradicts such a proof
        (:meth:`ChunkState.guards`) is written on the condition that there is none, and so is the whole for the mails
        *unproven* (ids): those of the next call if they are sent once more.

        Raises:
            LeaseLostError: The chunk belongs to another worker by now, or an event has proved a guarded mail.
            UnavailableError: DynamoDB cannot be reached; the transaction may or may not have been written.
        """
        after = _advance(state, settled, next_call)
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
                actions.append(added(table, status, number))
        actions += remembered(table, settled)
        emails = self._tables.emails
        no_proof = emails.event_status.does_not_exist()

        def write(transaction: TransactWrite) -> None:
            transaction.update(table(key.batch_id, key.item), actions=actions, condition=table.lease_owner == owner)
            for one in settled:
                condition = no_proof if state.guards(one) else None
                transaction.update(emails(one.email_id), actions=self._mail(key, state, one, now), condition=condition)
            for email_id in unproven:
                transaction.condition_check(emails, email_id, condition=no_proof)

        if not transact(self._tables, "cannot write a delivery", write, sleep=self._sleep):
            raise LeaseLostError("a condition of the transaction failed")
        return after

    def release(self, key: ChunkKey, state: ChunkState, *, owner: str) -> None:
        """Give the chunk back: nothing is under way (a call that was marked has not been made), no lease.

        Raises:
            LeaseLostError: The chunk belongs to another worker by now.
        """
        # Patient, because a mark that stays would put recipients in doubt whom SES was never asked about.
        patiently(lambda: self._release(key, _advance(state, (), ()), owner), sleep=self._sleep)

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

    def _mail(self, key: ChunkKey, state: ChunkState, one: Settled, now: float) -> list[Action]:
        table = self._tables.emails
        changes = self._placed(key, one, now)
        if one.asked:
            changes.append(table.attempts.add(1))
        if one.message_id is not None:
            changes += [table.message_id.set(one.message_id), table.sent_at.set(now)]
        if one.message_id is not None and state.again:
            # The first attempt may have made a message too, of which an event may tell.
            changes.append(table.message_ids.add({one.message_id}))
        changes += self._why(state, one)
        if one.repeats is not None:
            changes.append(table.repeats.set(one.repeats))
        if one.status is Status.IN_DOUBT and one.asked:
            changes.append(table.doubted_at.set(now))
        return changes

    def _why(self, state: ChunkState, one: Settled) -> list[Action]:
        """Write the reason of what became of a mail, and none that an earlier attempt left."""
        table = self._tables.emails
        changes: list[Action] = []
        if one.reason is not None:
            changes.append(table.reason.set(one.reason))
        elif state.again and one.status is Status.SENT:
            changes.append(table.reason.remove())
        if one.may_pass:
            changes.append(table.may_pass.set(value=True))
        elif state.again:
            changes.append(table.may_pass.remove())
        return changes

    def _placed(self, key: ChunkKey, one: Settled, now: float) -> list[Action]:
        """Say where the mail belongs, to whom it goes and how it stands."""
        table = self._tables.emails
        changes: list[Action] = [
            table.send_status.set(one.status.value),
            table.campaign_id.set(key.campaign_id),
            table.campaign_shard.set(campaign_shard(key.campaign_id, one.email_id)),
            table.kind.set(key.kind),
            table.batch_id.set(key.batch_id),
            table.chunk.set(key.chunk),
            table.created_at.set(table.created_at | now),
            table.updated_at.set(now),
            table.expires_at.set(expiry(now, self._retention)),
        ]
        if key.request_id is not None:
            changes.append(table.request_id.set(key.request_id))
        if one.recipient is None:
            return [*changes, table.erased_at.set(table.erased_at | now)]
        return [*changes, table.recipient.set(one.recipient)]

    def _why_not(self, key: ChunkKey) -> Busy | Done:
        with translated("cannot read a chunk"):
            row = self._tables.batches.get(key.batch_id, key.item, consistent_read=True)
        if row.state == "open":
            return Busy(float(row.lease_until or 0))
        return Done(unresolved=bool(row.doubted or row.passing or row.repeating))


def _state(row: BatchRow) -> ChunkState:
    return ChunkState(
        left=tuple(int(p) for p in row.left or ()),
        under_way=tuple(int(p) for p in row.under_way or ()),
        unresolved=bool(row.doubted or row.passing or row.repeating),
        again=None if row.again is None else Status(row.again),
    )


def _advance(state: ChunkState, settled: Sequence[Settled], next_call: Sequence[int]) -> ChunkState:
    """What SES gave back goes to the front: it has waited longest."""
    gone = {one.position for one in settled}.union(next_call)
    left = tuple(p for p in (*state.under_way, *state.left) if p not in gone)
    unresolved = state.unresolved or any(one.unresolved for one in settled)
    return replace(state, left=left, under_way=tuple(next_call), unresolved=unresolved)
