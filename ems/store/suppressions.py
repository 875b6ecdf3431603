"""The addresses that get no mail."""

from collections.abc import Sequence
from typing import Literal

from ems.store.failures import conditionally, translated
from ems.store.tables import Tables

Reason = Literal["bounce", "complaint", "unsubscribe", "manual"]
Scope = Literal["all", "bulk"]

FILTER_LIMIT = 100
"""Keys of one BatchGetItem (DynamoDB quota)."""


class Suppressions:
    """``email-suppression``, keyed by the lower-case address."""

    def __init__(self, tables: Tables) -> None:
        self._table = tables.suppressions

    def filter(self, addresses: Sequence[str], *, kind: str) -> dict[str, str]:
        """Return the suppressed ones among *addresses* with the reason of each; one BatchGetItem.

        Args:
            addresses: At most 100, in any case; the answer has them as they were given.
            kind: ``bulk`` counts every entry, ``transactional`` those of scope ``all``.

        Raises:
            ValueError: More than 100 addresses.
            UnavailableError: DynamoDB cannot be reached.
        """
        if len(addresses) > FILTER_LIMIT:
            raise ValueError(f"addresses: {len(addresses)} are more than the {FILTER_LIMIT} of one call")
        with translated("cannot read suppressions"):
            rows = list(self._table.batch_get({address.lower() for address in addresses}))
        reasons = {row.address: row.reason for row in rows if row.scope == "all" or kind == "bulk"}
        return {address: reasons[address.lower()] for address in addresses if address.lower() in reasons}

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
        """Suppress *address* and tell whether that changed anything.

        The first reason stays, so that its history does; only an entry for bulk gives way to one for all mail.

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
        table = self._table
        free = table.address.does_not_exist()
        row = table(address.lower(), reason=reason, scope=scope, source=source, since=since, email_id=email_id)
        replaceable = free | (table.scope == "bulk") if scope == "all" else free
        return conditionally("cannot write a suppression", row.save, condition=replaceable)
