"""Marks of persons who were erased: entries of ``email-suppression`` under a hash of the address.

A mark says since when a person is erased, so that what was accepted before is not sent and what is reported later does
not bring the address back; and for what mail the person was suppressed, so that who must get no mail gets none. The
hash is keyed (HMAC-SHA256): without the key, which is a note of its own, nobody can try addresses against the marks
(docs/adr/0031).
"""

import hmac
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from threading import Lock
from typing import Final, Literal, Protocol, cast

from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.condition import Condition
from pynamodb.transactions import TransactWrite

from ems.errors import UnavailableError
from ems.store.failures import conditionally, translated
from ems.store.models import SuppressionRow
from ems.store.parallel import KEYS_A_CALL, in_pages
from ems.store.reasons import Reason, Scope
from ems.store.retention import expiry
from ems.store.tables import Tables
from ems.store.transactions import transact

PREFIX = "erased#"
"""Starts the keys of marks; no address holds it."""

KEY_NOTE = "key#erased"

NOT_SUPPRESSED: Final = "none"
"""The scope of a mark whose person may get mail that is accepted from now on."""

ATTEMPTS = 5
"""Times to read anew what an event writes at the same moment."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Since when (epoch seconds) a person is erased, and for what mail, why and since when suppressed."""

    erased_at: float
    scope: Scope | Literal["none"]
    reason: str
    since: float
    source: str | None

    @classmethod
    def of_row(cls, row: SuppressionRow) -> "Mark":
        """Read a row whose key starts with PREFIX."""
        scope = cast("Scope", row.scope)
        return cls(float(row.erased_at or 0), scope, row.reason, float(row.since), row.source)


class Entry(Protocol):
    """What a mark takes from an entry of the list (:class:`ems.store.suppressions.Suppression`)."""

    @property
    def reason(self) -> str:
        """Why."""

    @property
    def scope(self) -> Scope:
        """For what mail."""

    @property
    def source(self) -> str | None:
        """Who says so."""

    @property
    def since(self) -> float:
        """Since when, in epoch seconds."""


class AddressHashes:
    """Hashes addresses under the account's key, which whoever comes first makes."""

    def __init__(self, tables: Tables) -> None:
        self._notes = tables.notes
        self._key: bytes | None = None
        self._reading = Lock()

    def of(self, address: str) -> str:
        """Return the key of the mark of *address*, in any case.

        Raises:
            UnavailableError: The key is not known yet and DynamoDB cannot be reached.
        """
        with self._reading:
            if self._key is None:
                self._key = self._read() or self._make()
        return PREFIX + hmac.digest(self._key, address.lower().encode(), "sha256").hex()

    def _read(self) -> bytes | None:
        with translated("cannot read the key of erased addresses"):
            try:
                return bytes.fromhex(self._notes.get(KEY_NOTE, consistent_read=True).secret)
            except DoesNotExist:
                return None

    def _make(self) -> bytes:
        row = self._notes(KEY_NOTE, secret=secrets.token_hex(32))
        conditionally("cannot make the key of erased addresses", row.save, condition=self._notes.note.does_not_exist())
        made = self._read()
        if made is None:
            raise UnavailableError("DynamoDB", "the key of erased addresses is gone again")
        return made


class Marks:
    """Reads and writes marks. Every method raises UnavailableError when DynamoDB is out of reach.

    Addresses are given in any case.
    """

    def __init__(
        self, tables: Tables, *, hashes: AddressHashes | None = None, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._tables = tables
        self._table = tables.suppressions
        self._sleep = sleep
        self.hashes = hashes or AddressHashes(tables)

    def get(self, address: str) -> Mark | None:
        """Read a mark, consistently; None when there is none."""
        row = self._row(self.hashes.of(address))
        return None if row is None else Mark.of_row(row)

    def erased(self, addresses: Iterable[str]) -> dict[str, float]:
        """Return those of *addresses* that were erased, with the time of it."""
        keys = {self.hashes.of(address): address for address in addresses}
        found: dict[str, float] = {}
        for page in in_pages(keys, KEYS_A_CALL):
            with translated("cannot read who was erased"):
                rows = list(self._table.batch_get(page, consistent_read=True))
            found |= {keys[row.address]: Mark.of_row(row).erased_at for row in rows}
        return found

    def suppress(self, address: str, *, reason: Reason, scope: Scope, source: str | None, since: float) -> bool:
        """Suppress a person who was erased; False when the mark stays as it is: the first reason stays."""
        table = self._table
        weaker = [NOT_SUPPRESSED, "bulk"] if scope == "all" else [NOT_SUPPRESSED]
        return conditionally(
            "cannot write a suppression",
            table(self.hashes.of(address)).update,
            actions=[
                table.reason.set(reason),
                table.scope.set(scope),
                table.since.set(since),
                table.source.set(table.source | "") if source is None else table.source.set(source),
                table.expires_at.remove(),
            ],
            condition=table.erased_at.exists() & table.scope.is_in(*weaker),
        )

    def replace(self, address: str, entry: Entry, *, seen: Entry | None) -> bool:
        """Have the mark of *address* say what *entry* does, if it says what was *seen* or, for None, nothing."""
        table = self._table
        scope = NOT_SUPPRESSED if seen is None else seen.scope
        return conditionally(
            "cannot write a suppression",
            table(self.hashes.of(address)).update,
            actions=[
                table.reason.set(entry.reason),
                table.scope.set(entry.scope),
                table.since.set(entry.since),
                table.source.set(entry.source or ""),
                table.expires_at.remove(),
            ],
            condition=table.erased_at.exists() & (table.scope == scope),
        )

    def erase(self, address: str, *, at: float, kept_seconds: float) -> None:
        """Mark a person as erased at *at*; what the list says of the address goes into the mark, both or neither.

        A mark of somebody who is not suppressed lives *kept_seconds*: for as long as a record of before may.
        """
        for _ in range(ATTEMPTS):
            entry, mark = self._row(address.lower()), self._row(self.hashes.of(address))
            if self._write(address, entry, mark, at=at, kept_seconds=kept_seconds):
                return
        raise UnavailableError("DynamoDB", "the suppression of the address keeps changing")

    def _write(
        self, address: str, entry: SuppressionRow | None, mark: SuppressionRow | None, *, at: float, kept_seconds: float
    ) -> bool:
        table = self._table
        stronger = _stronger(entry, mark)
        last = at if mark is None else max(at, float(mark.erased_at))
        row = table(self.hashes.of(address), reason="erased", scope=NOT_SUPPRESSED, since=at, erased_at=last)
        row.source = "erasure"
        if stronger is not None:
            row.reason, row.scope, row.since = stronger.reason, stronger.scope, stronger.since
            row.source = stronger.source
        if row.scope == NOT_SUPPRESSED:
            row.expires_at = expiry(at, kept_seconds)

        def write(transaction: TransactWrite) -> None:
            transaction.save(row, condition=_unchanged(table, mark))
            if entry is None:
                transaction.condition_check(table, address.lower(), condition=table.address.does_not_exist())
            else:
                transaction.delete(table(address.lower()), condition=_unchanged(table, entry))

        return transact(self._tables, "cannot erase a suppression", write, sleep=self._sleep)

    def _row(self, key: str) -> SuppressionRow | None:
        with translated("cannot read a suppression"):
            try:
                return self._table.get(key, consistent_read=True)
            except DoesNotExist:
                return None


def _unchanged(table: type[SuppressionRow], seen: SuppressionRow | None) -> Condition:
    if seen is None:
        return table.address.does_not_exist()
    condition: Condition = (table.since == seen.since) & (table.scope == seen.scope) & (table.reason == seen.reason)
    return condition


def _stronger(*rows: SuppressionRow | None) -> SuppressionRow | None:
    """Return the row that keeps more mail away; of two that keep the same away the first."""
    rank = {"all": 2, "bulk": 1}
    suppressing = [row for row in rows if row is not None and row.scope in rank]
    return max(suppressing, key=lambda row: rank[row.scope], default=None)
