"""Taking addresses off the suppression list, and remembering that (notes of ``email-note``).

The events that put an address there stay on their mails' rows, so the audit would miss its entry for as long as they
live. A note says since when it is missing on purpose; it lives as long as the rows.
"""

import time
from collections.abc import Callable, Iterable

from pynamodb.transactions import TransactWrite

from ems.store.failures import translated
from ems.store.parallel import KEYS_A_CALL, in_pages
from ems.store.retention import expiry
from ems.store.tables import Tables
from ems.store.transactions import transact

PREFIX = "removed#"


class Removals:
    """Removes and remembers. *clock* gives epoch seconds."""

    def __init__(
        self,
        tables: Tables,
        *,
        retention_seconds: float,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._tables = tables
        self._retention = retention_seconds
        self._clock = clock
        self._sleep = sleep

    def remove(self, address: str) -> bool:
        """Take *address* (lower case) off the list and note it, both or neither; False when it is not on the list.

        Raises:
            UnavailableError: DynamoDB cannot be reached; it may or may not be gone.
        """
        listed, notes, now = self._tables.suppressions, self._tables.notes, self._clock()

        def write(transaction: TransactWrite) -> None:
            transaction.delete(listed(address), condition=listed.address.exists())
            transaction.save(notes(PREFIX + address, at=now, expires_at=expiry(now, self._retention)))

        return transact(self._tables, "cannot remove a suppression", write, sleep=self._sleep)


def removed(tables: Tables, addresses: Iterable[str]) -> dict[str, float]:
    """Return when those of *addresses* that were taken off the list last were so, in epoch seconds.

    Raises:
        UnavailableError: DynamoDB cannot be reached.
    """
    found = {}
    for page in in_pages(addresses, KEYS_A_CALL):
        with translated("cannot read who was taken off the suppression list"):
            for row in tables.notes.batch_get([PREFIX + address for address in page], consistent_read=True):
                found[row.note.removeprefix(PREFIX)] = float(row.at)
    return found
