"""A chunk's counts: how many of its recipients ended in which state, and whom something may still become of.

``doubted``, ``passing`` and ``repeating`` name mails behind the counts, those in doubt, those that failed for a reason
that may pass and those that are held as possible duplicates, so that finding them costs no scan. Counts and names move
in the transaction that moves the mail's row.
"""

from collections.abc import Sequence

from pynamodb.expressions.update import Action

from ems.store.chunk_state import Settled
from ems.store.models import BatchRow
from ems.store.status import Status

COUNTED = (Status.SENT, Status.FAILED, Status.SUPPRESSED, Status.CANCELLED, Status.IN_DOUBT, Status.HELD)
"""The states that a chunk counts; they are attributes of the same names."""


def counts_of(row: BatchRow) -> dict[str, int]:
    """Read a chunk item's counts."""
    return {status.value: int(getattr(row, status.value) or 0) for status in COUNTED}


def remembered(table: type[BatchRow], settled: Sequence[Settled]) -> list[Action]:
    """Put those of *settled* on the lists of whom something may still become of."""
    doubted = {one.email_id for one in settled if one.status is Status.IN_DOUBT}
    passing = {one.email_id for one in settled if one.may_pass}
    repeating = {one.email_id for one in settled if one.status is Status.HELD}
    lists = ((table.doubted, doubted), (table.passing, passing), (table.repeating, repeating))
    return [attribute.add(email_ids) for attribute, email_ids in lists if email_ids]


def added(table: type[BatchRow], status: Status, number: int) -> Action:
    """Add *number* to the count of *status*."""
    action: Action = getattr(table, status.value).add(number)
    return action


def moved(table: type[BatchRow], email_id: str, *, before: Status, after: Status, now: float) -> list[Action]:
    """Move one mail from one count to another."""
    return [
        added(table, before, -1),
        added(table, after, 1),
        table.updated_at.set(now),
        *forgotten(table, [email_id], before),
    ]


def forgotten(table: type[BatchRow], email_ids: list[str], status: Status) -> list[Action]:
    """Take mails off the list of those that something may still become of."""
    names = {Status.IN_DOUBT: table.doubted, Status.FAILED: table.passing, Status.HELD: table.repeating}
    return [names[status].delete(set(email_ids))] if status in names else []
