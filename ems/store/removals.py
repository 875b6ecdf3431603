"""Taking addresses off the suppression list, and remembering that (notes of ``email-note``).

The events that put an address there stay on their mails' rows, so the audit would miss its entry for as long as they
live. A note says since when it is missing on purpose; it lives as long as the rows.
"""

import time
from collections.abc import Callable, Iterable

from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from ems.store.erased import NOT_SUPPRESSED, AddressHashes
from ems.store.failures import translated
from ems.store.out_of_step import OutOfStepNotes
from ems.store.parallel import KEYS_A_CALL, in_pages
from ems.store.reasons import Reason, Scope
from ems.store.retention import expiry
from ems.store.tables import Tables
from ems.store.transactions import transact

PREFIX = "removed#"


class Removals:
    """Removes and remembers. *clock* gives epoch seconds.

    *out_of_step* notes what SES's own list is to be told; None tells it nothing.
    """

    def __init__(
        self,
        tables: Tables,
        *,
        retention_seconds: float,
        out_of_step: OutOfStepNotes | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._tables = tables
        self._retention = retention_seconds
        self._out_of_step = out_of_step
        self._clock = clock
        self._sleep = sleep

    def remove(self, address: str, *, only: tuple[Reason, Scope] | None = None) -> bool:
        """Take *address* (lower case) off the list and note it, both or neither; False when it is not on the list.

        An entry for another reason or scope than *only* says stays. Of a person who was erased it is the mark that says
        so no more, and the note names its hash.

        Raises:
            UnavailableError: DynamoDB cannot be reached; it may or may not be gone.
        """
        listed, mark = self._tables.suppressions, AddressHashes(self._tables).of(address)
        now = self._clock()
        mark_goes = expiry(now, 2 * self._retention)
        lift: list[Action] = [listed.scope.set(NOT_SUPPRESSED), listed.expires_at.set(mark_goes)]

        wanted = listed.address.exists()
        if only is not None:
            wanted = (listed.reason == only[0]) & (listed.scope == only[1])

        def delete(transaction: TransactWrite) -> None:
            transaction.delete(listed(address), condition=wanted)
            self._note(transaction, address, now)
            if self._out_of_step is not None and only is None:  # who only subscribes again has not asked for all mail
                self._out_of_step.add_to(transaction, address)

        def lift_mark(transaction: TransactWrite) -> None:
            suppressing = wanted & listed.scope.is_in("all", "bulk")
            transaction.update(listed(mark), actions=lift, condition=suppressing)
            self._note(transaction, mark, now)

        doing = "cannot remove a suppression"
        steps = [transact(self._tables, doing, write, sleep=self._sleep) for write in (delete, lift_mark)]
        return any(steps)

    def _note(self, transaction: TransactWrite, key: str, now: float) -> None:
        notes = self._tables.notes
        transaction.save(notes(PREFIX + key, at=now, expires_at=expiry(now, self._retention)))


def removed(tables: Tables, addresses: Iterable[str]) -> dict[str, float]:
    """Return when those of *addresses* that were taken off the list last were so, in epoch seconds.

    Raises:
        UnavailableError: DynamoDB cannot be reached.
    """
    hashes = AddressHashes(tables)
    address_of = {PREFIX + key: address for address in addresses for key in (address, hashes.of(address))}
    found: dict[str, float] = {}
    for page in in_pages(address_of, KEYS_A_CALL):
        with translated("cannot read who was taken off the suppression list"):
            for row in tables.notes.batch_get(page, consistent_read=True):
                address = address_of[row.note]
                found[address] = max(float(row.at), found.get(address, 0.0))
    return found


def forget_removal(tables: Tables, address: str) -> None:
    """Forget that *address* (lower case) was taken off: its mails no longer tell whose events put it there.

    Raises:
        UnavailableError: DynamoDB cannot be reached.
    """
    with translated("cannot forget who was taken off the suppression list"):
        tables.notes(PREFIX + address).delete()
