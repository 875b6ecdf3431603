"""Mails that are held as possible duplicates: accepted, never sent, at rest until an operator decides.

Held until then means that each way out is a write on the condition that the mail is still held: a single mail is let go
(and is queued), a recipient of a batch moves to a new chunk (:mod:`ems.store.again`), either may be dropped.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pynamodb.expressions.condition import Condition

from ems.store.doubts import Decision
from ems.store.emails import rows_of
from ems.store.failures import conditionally
from ems.store.models import TrackerRow
from ems.store.settling import Ending, end, in_chunk
from ems.store.status import Status
from ems.store.tables import Tables


@dataclass(frozen=True, slots=True)
class Held:
    """A mail that is held; ``repeats`` is the mail of which it may be a duplicate."""

    email_id: str
    repeats: str
    batch_id: str | None = None
    chunk: int | None = None
    decisions: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)

    @property
    def reason(self) -> str:
        """Say why it is held."""
        return f"possible duplicate of {self.repeats}"


class HeldMails:
    """Holds and ends it. *clock* gives epoch seconds. Every method raises UnavailableError without DynamoDB."""

    def __init__(
        self,
        tables: Tables,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._tables = tables
        self._clock = clock
        self._sleep = sleep

    def read(self, email_ids: Sequence[str]) -> list[Held]:
        """Return those of up to 100 mails that are held, in the order of their ids."""
        rows = rows_of(self._tables.emails, email_ids)
        return [_held(row) for row in rows if row.send_status == Status.HELD.value]

    def is_queued(self, email_id: str) -> bool:
        """Tell whether a single mail waits to be sent."""
        return any(row.send_status == Status.QUEUED.value for row in rows_of(self._tables.emails, [email_id]))

    def hold(self, email_id: str, *, repeats: str) -> bool:
        """Hold a queued single mail; False when it is not queued."""
        table = self._tables.emails
        return conditionally(
            "cannot hold a mail",
            table(email_id).update,
            actions=[
                table.send_status.set(Status.HELD.value),
                table.repeats.set(repeats),
                table.updated_at.set(self._clock()),
            ],
            condition=table.send_status == Status.QUEUED.value,
        )

    def let_go(self, held: Held, decision: Decision) -> bool:
        """Have a held single mail be queued; False when it is not held any more. Its message must be on its way."""
        return self._end(held, Status.QUEUED, decision, reason=None)

    def drop(self, held: Held, decision: Decision) -> bool:
        """End a held mail as failed, never to be sent; False when it is not held any more."""
        return self._end(held, Status.FAILED, decision, reason=f"dropped: {held.reason}")

    def _end(self, held: Held, status: Status, decision: Decision, *, reason: str | None) -> bool:
        table = self._tables.emails
        actions = [table.decisions.set(decision.after(held.decisions, reason=held.reason))]
        if reason is not None:
            actions.append(table.reason.set(reason))
        ending = Ending(held, Status.HELD, status, actions, still_held(table, held))
        return end(self._tables, ending, now=self._clock(), sleep=self._sleep)


def still_held(table: type[TrackerRow], held: Held) -> Condition:
    """Return the condition that the mail is held as it was read, counted in the same chunk."""
    condition: Condition = (table.send_status == Status.HELD.value) & in_chunk(table, held.chunk)
    return condition


def _held(row: TrackerRow) -> Held:
    return Held(
        email_id=row.email_id,
        repeats=row.repeats or "",
        batch_id=row.batch_id,
        chunk=None if row.chunk is None else int(row.chunk),
        decisions=tuple(row.decisions or ()),
    )
