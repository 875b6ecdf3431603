"""Mails in doubt: an SES call was made for them and nobody knows what came of it.

A doubt ends in one of three ways, each a write on the condition that the mail is still in doubt: an event proves that
SES took the mail, an operator decides, or the mail is sent again (:mod:`ems.store.singles`, :mod:`ems.store.again`).
The last two also ask that no event has proved anything, so that of a proof and a decision only one wins.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from ems.store.emails import rows_of
from ems.store.models import TrackerRow
from ems.store.settling import Ending, end, in_chunk
from ems.store.status import Status
from ems.store.tables import Tables


@dataclass(frozen=True, slots=True)
class Doubt:
    """A mail in doubt. ``since`` is in epoch seconds; ``proven`` says that an event has already shown its sending.

    ``attempts`` counts the SES calls so far, the doubtful one included. ``decisions`` are the earlier ones about it.
    """

    email_id: str
    since: float = 0.0
    attempts: int = 1
    proven: bool = False
    reason: str | None = None
    recipient: str | None = field(default=None, repr=False)
    batch_id: str | None = None
    chunk: int | None = None
    decisions: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    def of_row(cls, row: TrackerRow) -> Self:
        """Read the doubt of a row whose ``send_status`` is ``in_doubt``."""
        return cls(
            email_id=row.email_id,
            since=float(row.doubted_at or 0),
            attempts=int(row.attempts or 0),
            proven=row.event_status is not None,
            reason=row.reason,
            recipient=row.recipient,
            batch_id=row.batch_id,
            chunk=None if row.chunk is None else int(row.chunk),
            decisions=tuple(row.decisions or ()),
        )


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided about a mail and by whom (``policy``, an API key, the command line); ``at`` in epoch seconds."""

    what: str
    by: str
    at: float

    def after(self, earlier: Sequence[Mapping[str, Any]], *, reason: str | None) -> list[Mapping[str, Any]]:
        """Return the row's list of decisions with this one; *reason* is why there was something to decide."""
        return [*earlier, {"decision": self.what, "by": self.by, "at": self.at, "reason": reason}]


class Doubts:
    """Reads and ends doubts. *clock* gives epoch seconds. Every method raises UnavailableError without DynamoDB."""

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

    def read(self, email_ids: Sequence[str]) -> list[Doubt]:
        """Return those of up to 100 mails that are in doubt, in the order of their ids."""
        rows = rows_of(self._tables.emails, email_ids)
        return [Doubt.of_row(row) for row in rows if row.send_status == Status.IN_DOUBT.value]

    def prove(self, doubt: Doubt) -> bool:
        """Count a mail as sent whose sending an event has shown; False when it is no longer in doubt."""
        return self._end(doubt, Status.SENT, [], unproven=False)

    def decide(self, doubt: Doubt, status: Status, decision: Decision) -> bool:
        """End a doubt by *decision*; False when it is no longer in doubt, or has been proved meanwhile."""
        decisions = decision.after(doubt.decisions, reason=doubt.reason)
        return self._end(doubt, status, [self._tables.emails.decisions.set(decisions)], unproven=True)

    def _end(self, doubt: Doubt, status: Status, more: list[Action], *, unproven: bool) -> bool:
        table, now = self._tables.emails, self._clock()
        # Its sender, if it was only slow, must not undo this.
        actions: list[Action] = [table.lease_owner.remove(), table.lease_until.remove(), *more]
        if status is Status.SENT:
            actions += [table.sent_at.set(table.sent_at | now), table.reason.remove()]
        condition = still(table, doubt)
        if unproven:
            condition &= table.event_status.does_not_exist()
        ending = Ending(doubt, Status.IN_DOUBT, status, actions, condition)
        return end(self._tables, ending, now=now, sleep=self._sleep)


def still(table: type[TrackerRow], doubt: Doubt) -> Condition:
    """Return the condition that the mail is in the very doubt that was read, counted in the same chunk."""
    attempts = table.attempts == doubt.attempts if doubt.attempts else table.attempts.does_not_exist()
    condition: Condition = (table.send_status == Status.IN_DOUBT.value) & in_chunk(table, doubt.chunk) & attempts
    return condition
