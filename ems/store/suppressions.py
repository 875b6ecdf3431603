"""The addresses that get no mail."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, cast

from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from ems.store import pages
from ems.store.erased import NOT_SUPPRESSED, Mark, Marks
from ems.store.erased import PREFIX as MARK_PREFIX
from ems.store.failures import conditionally, translated
from ems.store.models import SuppressionRow
from ems.store.out_of_step import OutOfStepNotes
from ems.store.pages import ROWS_READ_PER_PAGE, Page
from ems.store.parallel import KEYS_A_CALL
from ems.store.reasons import ERASED, Reason, Scope
from ems.store.tables import Tables
from ems.store.transactions import transact

SCAN_PAGE = 1_000
"""Rows of one Scan: the megabyte that DynamoDB gives otherwise takes forty once it is parsed."""

LISTING = "suppressions"


@dataclass(frozen=True, slots=True)
class Suppression:
    """An address that gets no mail (scope ``all``) or none of campaigns (``bulk``).

    Attributes:
        address: In lower case, the domain in punycode; not in the repr, which may be logged.
        reason: Why.
        scope: For what mail.
        source: Who says so: ``ses-event``, an API key, the command line, or what an import says.
        since: Epoch seconds.
        email_id: The mail that brought it about, if one did.
        earlier_reason: Why it would get no bulk mail without this entry for all mail: who unsubscribed and bounced.
        earlier_since: Since when that was so, in epoch seconds.
    """

    address: str = field(repr=False)
    reason: Reason
    scope: Scope
    source: str | None
    since: float
    email_id: str | None = None
    earlier_reason: Reason | None = None
    earlier_since: float | None = None


class Suppressions:
    """``email-suppression``, keyed by the lower-case address.

    *out_of_step* notes what SES's own list is to be told; None tells it nothing.
    """

    def __init__(self, tables: Tables, *, out_of_step: OutOfStepNotes | None = None) -> None:
        self._tables = tables
        self._table = tables.suppressions
        self._out_of_step = out_of_step
        self._marks = Marks(tables)

    def filter(self, addresses: Sequence[str], *, kind: str, accepted_at: float | None = None) -> dict[str, str]:
        """Return the suppressed ones among *addresses* with the reason of each; one BatchGetItem for up to 50.

        Args:
            addresses: At most 100, in any case; the answer has them as they were given.
            kind: ``bulk`` counts every entry, ``transactional`` those of scope ``all``.
            accepted_at: When a mail to them was accepted, in epoch seconds: the reason of those who were erased since
                is ERASED. None asks about the list alone.

        Raises:
            ValueError: More than 100 addresses.
            UnavailableError: DynamoDB cannot be reached.
        """
        if len(addresses) > KEYS_A_CALL:
            raise ValueError(f"addresses: {len(addresses)} are more than the {KEYS_A_CALL} of one call")
        mark_of = {address: self._marks.hashes.of(address) for address in addresses}
        with translated("cannot read suppressions"):
            keys = {address.lower() for address in addresses}.union(mark_of.values())
            rows = {row.address: row for row in self._table.batch_get(keys)}
        scopes = {"all", "bulk"} if kind == "bulk" else {"all"}
        reasons: dict[str, str] = {}
        for address, mark_key in mark_of.items():
            entry, mark = rows.get(address.lower()), rows.get(mark_key)
            if mark is not None and accepted_at is not None and accepted_at <= Mark.of_row(mark).erased_at:
                reasons[address] = ERASED
            elif found := next((row for row in (entry, mark) if row is not None and row.scope in scopes), None):
                reasons[address] = found.reason
        return reasons

    def erased(self, addresses: Iterable[str]) -> dict[str, float]:
        """Return those of *addresses* whose persons were erased, each with the time of it in epoch seconds.

        Raises:
            UnavailableError: DynamoDB cannot be reached.
        """
        return self._marks.erased(addresses)

    def add(
        self,
        address: str,
        *,
        reason: Reason,
        scope: Scope,
        source: str,
        since: float,
        email_id: str | None = None,
    ) -> bool:
        """Suppress *address* and tell whether that changed which mail it gets.

        The first reason stays, so that its history does; only an entry for bulk gives way to one for all mail, which
        remembers its reason, as does one that was there before. Of a person who was erased the mark says it, and the
        address stays away.

        Args:
            address: In any case.
            reason: Why.
            scope: ``all`` mail or ``bulk`` only.
            source: Who says so, e.g. ``ses-event``.
            since: Epoch seconds.
            email_id: The mail that brought it about.

        Raises:
            UnavailableError: DynamoDB cannot be reached.
        """
        if self._marks.get(address) is not None:
            return self._marks.suppress(address, reason=reason, scope=scope, source=source, since=since)
        table, key = self._table, address.lower()
        row = table(key, reason=reason, scope=scope, source=source, since=since, email_id=email_id)
        if conditionally("cannot write a suppression", row.save, condition=table.address.does_not_exist()):
            return True
        return self._widen(row) if scope == "all" else self._remember(row)

    def _widen(self, row: SuppressionRow) -> bool:
        """Write *row* over an entry for bulk; False when there is none any more."""
        table = self._table
        actions: list[Action] = [
            table.earlier_reason.set(table.reason),
            table.earlier_since.set(table.since),
            table.reason.set(row.reason),
            table.scope.set(row.scope),
            table.source.set(row.source),
            table.since.set(row.since),
            table.email_id.remove() if row.email_id is None else table.email_id.set(row.email_id),
        ]
        return conditionally(
            "cannot write a suppression",
            table(row.address).update,
            actions=actions,
            condition=table.scope == "bulk",
        )

    def _remember(self, row: SuppressionRow) -> bool:
        """Keep what *row* says beside an entry for all mail; False, since the address gets no other mail for it."""
        table = self._table
        conditionally(
            "cannot write a suppression",
            table(row.address).update,
            actions=[table.earlier_reason.set(row.reason), table.earlier_since.set(row.since)],
            condition=(table.scope == "all") & table.earlier_reason.does_not_exist(),
        )
        return False

    def get(self, address: str) -> Suppression | None:
        """Read the entry of *address*, consistently, or what the mark says if it was erased; None when nothing does.

        Raises:
            UnavailableError: DynamoDB cannot be reached.
        """
        with translated("cannot read a suppression"):
            try:
                row = self._table.get(address.lower(), consistent_read=True)
            except DoesNotExist:
                mark = self._marks.get(address)
            else:
                return _entry(row)
        if mark is None or mark.scope == NOT_SUPPRESSED:
            return None
        reason = cast("Reason", mark.reason)
        return Suppression(address.lower(), reason=reason, scope=mark.scope, source=mark.source, since=mark.since)

    def page(
        self, *, wanted: Callable[[Suppression], bool] | None = None, limit: int, cursor: str | None
    ) -> Page[Suppression]:
        """List the *wanted* entries, or all, in DynamoDB's own order, which is stable but says nothing.

        Who was erased is not among them: there is no address to list.

        A page may be shorter than *limit* and still have a next: reading stops after ROWS_READ_PER_PAGE rows.

        Raises:
            InvalidError: The cursor is none of this listing.
            UnavailableError: DynamoDB cannot be reached.
        """
        after = {"address": {"S": pages.decode(cursor, LISTING, keys=1)[0]}} if cursor else None
        page_size = limit if wanted is None else ROWS_READ_PER_PAGE
        items: list[Suppression] = []
        for read, entry in enumerate(self._scan(last_evaluated_key=after, page_size=page_size), start=1):
            if wanted is None or wanted(entry):
                items.append(entry)
            if len(items) == limit or read == ROWS_READ_PER_PAGE:
                return Page(items, pages.encode(LISTING, entry.address))
        return Page(items, None)

    def all(self, *, reason: Reason | None = None, scope: Scope | None = None) -> Iterator[Suppression]:
        """Yield every entry, or those of a reason or scope, page by page; it raises UnavailableError on the way.

        An entry that comes or changes meanwhile may be missing or be the former one.
        """
        condition: Condition | None = None
        for attribute, value in ((self._table.reason, reason), (self._table.scope, scope)):
            if value is not None:
                condition = (attribute == value) if condition is None else condition & (attribute == value)
        return self._scan(filter_condition=condition, page_size=SCAN_PAGE)

    def replace(self, entry: Suppression, *, seen: Suppression | None) -> bool:
        """Write *entry* over the one that was *seen*, if any; False when that has changed, come or gone since.

        Of a person who was erased the mark says it.

        Raises:
            UnavailableError: DynamoDB cannot be reached; it may or may not have been written.
        """
        if self._marks.get(entry.address) is not None:
            return self._marks.replace(entry.address, entry, seen=seen)
        table = self._table
        unchanged = (
            table.address.does_not_exist()
            if seen is None
            else (table.since == seen.since) & (table.reason == seen.reason) & (table.scope == seen.scope)
        )
        notes, stops_all_mail = self._out_of_step, "all" in {entry.scope, seen.scope if seen else None}

        def write(transaction: TransactWrite) -> None:
            transaction.save(table(**asdict(entry)), condition=unchanged)
            if notes is not None and stops_all_mail:
                notes.add_to(transaction, entry.address)

        return transact(self._tables, "cannot write a suppression", write)

    def _scan(self, **options: Any) -> Iterator[Suppression]:
        with translated("cannot list suppressions"):
            for row in self._table.scan(**options):
                if not row.address.startswith(MARK_PREFIX):
                    yield _entry(row)


def _entry(row: SuppressionRow) -> Suppression:
    return Suppression(
        address=row.address,
        reason=cast("Reason", row.reason),
        scope=cast("Scope", row.scope),
        source=row.source,
        since=float(row.since),
        email_id=row.email_id,
        earlier_reason=cast("Reason | None", row.earlier_reason),
        earlier_since=None if row.earlier_since is None else float(row.earlier_since),
    )
