"""The suppression list in the hands of people: looked up, changed and read out."""

import time
from collections.abc import Callable, Iterator
from typing import Protocol

from ems.errors import ConflictError, InvalidError, UnknownIdError
from ems.sending.addresses import AddressError, normalise
from ems.store.pages import Page
from ems.store.reasons import Reason, Scope
from ems.store.suppressions import Suppression

LISTED = "suppression"
"""What an entry is called where there is none."""


class SuppressionStore(Protocol):
    """Where entries are kept (:class:`ems.store.suppressions.Suppressions`)."""

    def get(self, address: str) -> Suppression | None:
        """Read an entry; None when there is none."""

    def page(
        self, *, wanted: Callable[[Suppression], bool] | None = None, limit: int, cursor: str | None
    ) -> Page[Suppression]:
        """List the wanted entries, or all."""

    def all(self, *, reason: Reason | None = None, scope: Scope | None = None) -> Iterator[Suppression]:
        """Yield every entry, or those of a reason or scope."""

    def replace(self, entry: Suppression, *, seen: Suppression | None) -> bool:
        """Write an entry over the one that was seen; False when that is not the one any more."""


class Remover(Protocol):
    """What takes entries away (:class:`ems.store.removals.Removals`)."""

    def remove(self, address: str) -> bool:
        """Remove an entry; False when there is none."""


class SuppressionList:
    """Looks up, changes and reads out who gets no mail. *clock* gives epoch seconds.

    Every method raises UnavailableError without DynamoDB, and InvalidError for what is no address.
    """

    def __init__(self, store: SuppressionStore, removals: Remover, *, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._removals = removals
        self._clock = clock

    def get(self, address: str) -> Suppression:
        """Read the entry of *address*.

        Raises:
            UnknownIdError: The address is not on the list.
        """
        key = checked_address(address)
        entry = self._store.get(key)
        if entry is None:
            raise UnknownIdError(LISTED, key)
        return entry

    def put(self, address: str, *, reason: Reason, scope: Scope | None = None, by: str) -> Suppression:
        """Put *address* on the list, or replace its entry; the same again changes nothing.

        Unlike an event or an import this may narrow an entry, from all mail to bulk: whoever asks knows better.

        Args:
            address: In any case, the domain in Unicode or punycode.
            reason: Why.
            scope: For what mail; None is as usual for the reason (:func:`usual_scope`).
            by: Who asks.

        Raises:
            ConflictError: The entry was changed at the same moment, by an event for instance.
        """
        key = checked_address(address)
        scope = scope or usual_scope(reason)
        seen = self._store.get(key)
        if seen is not None and (seen.reason, seen.scope) == (reason, scope):
            return seen
        entry = Suppression(key, reason=reason, scope=scope, source=by, since=self._clock())
        if not self._store.replace(entry, seen=seen):
            raise ConflictError("the suppression was changed at the same moment; read it and decide again")
        return entry

    def remove(self, address: str) -> None:
        """Take *address* off the list: it gets mail again, until the next bounce or complaint.

        Raises:
            UnknownIdError: The address is not on the list.
        """
        key = checked_address(address)
        if not self._removals.remove(key):
            raise UnknownIdError(LISTED, key)

    def page(
        self, *, reason: Reason | None = None, scope: Scope | None = None, limit: int, cursor: str | None = None
    ) -> Page[Suppression]:
        """List entries, or those of a reason or scope; such a page may be short, even empty, and still have a next.

        Raises:
            InvalidError: The cursor is none of this listing.
        """

        def wanted(entry: Suppression) -> bool:
            return reason in {None, entry.reason} and scope in {None, entry.scope}

        unfiltered = reason is None and scope is None
        return self._store.page(wanted=None if unfiltered else wanted, limit=limit, cursor=cursor)

    def all(self, *, reason: Reason | None = None, scope: Scope | None = None) -> Iterator[Suppression]:
        """Yield every entry, or those of a reason or scope, in constant memory."""
        return self._store.all(reason=reason, scope=scope)


def usual_scope(reason: Reason) -> Scope:
    """Return what an entry is for unless somebody says otherwise: who unsubscribes still wants transactional mail."""
    return "bulk" if reason == "unsubscribe" else "all"


def checked_address(text: str) -> str:
    """Return an address as the list has it: in lower case, the domain in punycode.

    Raises:
        InvalidError: SES would take no such address, so that none can be on the list.
    """
    try:
        return normalise(text).lower()
    except AddressError as error:
        raise InvalidError("address", str(error)) from None
