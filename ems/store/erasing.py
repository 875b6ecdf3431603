"""Finding an address in the tables, page by page, and writing records without it."""

import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action
from pynamodb.models import Model

from ems.errors import UnavailableError
from ems.masking import MASK
from ems.store.facts import Facts
from ems.store.failures import conditionally, translated
from ems.store.models import BatchRow, TrackerRow
from ems.store.tables import Tables

PAGE = 1_000
"""Records of one page, unless they are more than 1 MB."""

ATTEMPTS = 10
"""Times to read a record anew that is written at the same moment."""

Row = TypeVar("Row", bound=Model)

History = Callable[..., tuple[Mapping[str, Any], ...]]
"""Rids a timeline of persons (:func:`ems.tracking.forget.history_without`)."""


@dataclass(frozen=True, slots=True)
class Found(Generic[Row]):
    """The rows of a page that may hold the address, of ``read`` that were looked at; ``next`` is None at the end."""

    rows: list[Row] = field(repr=False)
    read: int
    next: str | None = field(repr=False)


class ErasableMails:
    """Rows of ``email-event-tracker``. *history* rids timelines; *clock* gives epoch seconds.

    Every method raises UnavailableError when DynamoDB is out of reach. Addresses are in lower case.
    """

    def __init__(self, tables: Tables, history: History, *, clock: Callable[[], float] = time.time) -> None:
        self._table = tables.emails
        self._history = history
        self._clock = clock

    def to(self, address: str, cursor: str | None) -> Found[TrackerRow]:
        """Find the mails to *address* by the index, which lags by moments."""
        return _page(lambda **options: self._table.by_recipient.query(address, **options), self._table, cursor)

    def naming(self, address: str, cursor: str | None) -> Found[TrackerRow]:
        """Find the mails that name *address* anywhere, also as a copy, among all."""
        within = json.dumps(address)[1:-1]  # as it stands in an attribute that is JSON
        names: Condition = (self._table.recipient == address) | Path("timeline").contains(within)
        # Whoever wrote these texts may have written the address in another case.
        names = names | Path("reason").contains("@") | Path("decisions").contains("@")
        return _page(lambda **options: self._table.scan(names, consistent_read=True, **options), self._table, cursor)

    def rid(self, row: TrackerRow, address: str) -> bool:
        """Write a row without *address*; False when there was nothing to write."""
        for _ in range(ATTEMPTS):
            actions, unchanged = self._without(row, address)
            if not actions:
                return False
            update = self._table(row.email_id).update
            if conditionally("cannot erase an address", update, actions=actions, condition=unchanged):
                return True
            with translated("cannot read a mail"):
                try:
                    row = self._table.get(row.email_id, consistent_read=True)
                except DoesNotExist:
                    return False
        raise UnavailableError("DynamoDB", "the row of a mail stays contended")

    def _without(self, row: TrackerRow, address: str) -> tuple[list[Action], Condition]:
        table = self._table
        is_main = row.recipient == address
        main = None if is_main or row.erased_at is not None else row.recipient or ""
        timeline = None if row.timeline is None else list(self._history(row.timeline, {address}, main=main))
        facts = Facts.of(row.facts)
        rewritten = {
            name: (before, after)
            for name, before, after in (
                ("timeline", row.timeline, _masked(timeline, address)),
                ("reason", row.reason, _masked(row.reason, address)),
                ("decisions", row.decisions, _masked(row.decisions, address)),
                ("facts", row.facts, facts.without_links().json() if facts and is_main else row.facts),
            )
            if before != after
        }
        actions: list[Action] = [getattr(table, name).set(after) for name, (_, after) in rewritten.items()]
        unchanged: Condition = table.version.does_not_exist() if row.version is None else table.version == row.version
        for name, (before, _) in rewritten.items():
            if name not in {"timeline", "facts"}:  # which the version guards
                unchanged &= getattr(table, name) == before
        if is_main:
            actions += [table.recipient.remove(), table.erased_at.set(self._clock())]
            unchanged &= table.recipient == address
        # Tracking reads the row anew if it has it in hand.
        return [*actions, table.version.set(int(row.version or 0) + 1)] if actions else [], unchanged


class ErasablePayloads:
    """Messages at rest in ``email-batch``: parked and kept. Every method raises UnavailableError without DynamoDB."""

    def __init__(self, tables: Tables) -> None:
        self._table = tables.batches

    def all(self, cursor: str | None) -> Found[BatchRow]:
        """Find all messages at rest."""
        table, there = self._table, self._table.payload.exists()
        return _page(lambda **options: table.scan(there, consistent_read=True, **options), table, cursor)

    def replace(self, row: BatchRow, body: str) -> bool:
        """Write *body* over a message; False when it has left meanwhile, for a queue or for good."""
        unchanged = self._table.payload == row.payload
        update = self._table(row.batch_id, row.item).update
        return conditionally(
            "cannot erase an address", update, actions=[self._table.payload.set(body)], condition=unchanged
        )


def _page(ask: Callable[..., Any], table: type[Row], cursor: str | None) -> Found[Row]:
    """Read one page as DynamoDB gives it, short or empty where a filter leaves little."""
    with translated("cannot look for an address"):
        pages = ask(page_size=PAGE, last_evaluated_key=json.loads(cursor) if cursor else None).page_iter
        items: Iterable[Mapping[str, Any]] = next(pages)["Items"]
    last = pages.last_evaluated_key
    rows = [table.from_raw_data(dict(item)) for item in items]
    return Found(rows, pages.total_scanned_count, json.dumps(last) if last else None)


def _masked(value: Any, address: str) -> Any:
    """Return a value of JSON with *address*, in any case, masked in each of its texts."""
    match value:
        case str():
            return re.sub(re.escape(address), MASK, value, flags=re.IGNORECASE)
        case Mapping():
            return {name: _masked(inner, address) for name, inner in value.items()}
        case list() | tuple():
            return [_masked(inner, address) for inner in value]
    return value
