"""Ending the state that a mail is in: its row and its chunk's counts move together, or neither does."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from ems.store.chunk_counts import moved
from ems.store.chunk_state import chunk_item
from ems.store.models import TrackerRow
from ems.store.status import Status
from ems.store.tables import Tables
from ems.store.transactions import transact


class Placed(Protocol):
    """A mail and the chunk that it is counted in; a single mail has none."""

    @property
    def email_id(self) -> str:
        """Return the mail's id."""

    @property
    def batch_id(self) -> str | None:
        """Return its batch."""

    @property
    def chunk(self) -> int | None:
        """Return the number of its chunk."""


@dataclass(frozen=True, slots=True)
class Ending:
    """A mail that goes from one state to another if ``condition`` holds; ``actions`` are what else its row gets."""

    mail: Placed
    before: Status
    after: Status
    actions: Sequence[Action]
    condition: Condition


def end(tables: Tables, ending: Ending, *, now: float, sleep: Callable[[float], None]) -> bool:
    """Write *ending* at *now* (epoch seconds); False when its condition does not hold.

    Raises:
        UnavailableError: DynamoDB cannot be reached; it may or may not have been written.
    """
    emails, chunks, mail = tables.emails, tables.batches, ending.mail
    status: list[Action] = [emails.send_status.set(ending.after.value), emails.updated_at.set(now)]

    def write(transaction: TransactWrite) -> None:
        row = emails(mail.email_id)
        transaction.update(row, actions=[*status, *ending.actions], condition=ending.condition)
        if mail.batch_id is not None and mail.chunk is not None:
            transaction.update(
                chunks(mail.batch_id, chunk_item(mail.chunk)),
                actions=moved(chunks, mail.email_id, before=ending.before, after=ending.after, now=now),
            )

    return transact(tables, f"cannot move a mail from {ending.before} to {ending.after}", write, sleep=sleep)


def in_chunk(table: type[TrackerRow], chunk: int | None) -> Condition:
    """Return the condition that the mail is counted in *chunk*; None for a single mail."""
    condition: Condition = table.chunk.does_not_exist() if chunk is None else table.chunk == chunk
    return condition
