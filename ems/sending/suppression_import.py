"""Taking a list of addresses over from elsewhere, of any size, in constant memory.

An import only ever tightens: what is on the list stays, with its reason, and only an entry for bulk gives way to one
for all mail. So it may run beside everything else, be interrupted, and run again.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from ems.sending.suppression_csv import BadLine, read_entries
from ems.store.failures import patiently
from ems.store.parallel import KEYS_A_CALL, in_pages
from ems.store.reasons import Reason, Scope
from ems.store.suppressions import Suppression

WRITERS = 16
"""Writes at the same time: conditional ones cannot travel together, and each waits some milliseconds for DynamoDB."""


class GrowingList(Protocol):
    """What an import needs of the list (:class:`ems.store.suppressions.Suppressions`)."""

    def filter(self, addresses: Sequence[str], *, kind: str) -> dict[str, str]:
        """Return those of up to 100 addresses that get no mail of *kind*."""

    def add(self, address: str, *, reason: Reason, scope: Scope, source: str, since: float) -> bool:
        """Suppress an address; False when its entry stays as it is."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of the lines of a file: new or widened entries, those that stayed as they are, and bad lines."""

    added: int = 0
    known: int = 0
    bad: int = 0

    def __add__(self, other: "Imported") -> "Imported":
        return Imported(self.added + other.added, self.known + other.known, self.bad + other.bad)


class SuppressionImport:
    """Reads CSV (:mod:`ems.sending.suppression_csv`) onto the list. *clock* gives epoch seconds."""

    def __init__(
        self,
        suppressions: GrowingList,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._suppressions = suppressions
        self._clock = clock
        self._sleep = sleep

    def run(self, lines: Iterable[str], *, bad: Callable[[BadLine], None], progress: Callable[[int], None]) -> Imported:
        """Import *lines* of a file, a header first; goes on past bad ones.

        Raises:
            InvalidError: The header is none; nothing is imported.
            UnavailableError: DynamoDB stays out of reach. What is done is done: import the whole file again.
        """
        return self.take(read_entries(lines, now=self._clock()), bad=bad, progress=progress)

    def take(
        self,
        entries: Iterable[Suppression | BadLine],
        *,
        bad: Callable[[BadLine], None],
        progress: Callable[[int], None],
    ) -> Imported:
        """Import entries from wherever they come.

        Args:
            entries: To be listed.
            bad: Told each that is none.
            progress: Told how many are done since it was last told.

        Raises:
            UnavailableError: DynamoDB stays out of reach. What is done is done: begin again.
        """
        done = Imported()
        with ThreadPoolExecutor(WRITERS) as pool:
            for page in in_pages(entries, KEYS_A_CALL):
                good = [one for one in page if isinstance(one, Suppression)]
                for line in page:
                    if isinstance(line, BadLine):
                        bad(line)
                added = sum(pool.map(self._add, self._news(good)))
                done += Imported(added, known=len(good) - added, bad=len(page) - len(good))
                progress(len(page))
        return done

    def _news(self, entries: Sequence[Suppression]) -> list[Suppression]:
        """Leave out what would change nothing: importing again is then a matter of reading."""
        addresses = [one.address for one in entries]
        listed: dict[Scope, dict[str, str]] = {
            "all": self._listed(addresses, kind="transactional"),
            "bulk": self._listed(addresses, kind="bulk"),
        }
        return [one for one in entries if one.address not in listed[one.scope]]

    def _listed(self, addresses: Sequence[str], *, kind: str) -> dict[str, str]:
        return patiently(lambda: self._suppressions.filter(addresses, kind=kind), sleep=self._sleep)

    def _add(self, one: Suppression) -> bool:
        def add() -> bool:
            return self._suppressions.add(
                one.address, reason=one.reason, scope=one.scope, source=one.source or "", since=one.since
            )

        return patiently(add, sleep=self._sleep)
