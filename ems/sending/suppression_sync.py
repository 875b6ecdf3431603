"""Taking over what SES has on its own suppression list, so that mail which it would not deliver spends no quota."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Protocol

from ems.aws.suppressed import SuppressedAtSes
from ems.errors import InvalidError
from ems.sending.suppression_csv import BadLine
from ems.sending.suppression_import import Imported, SuppressionImport
from ems.sending.suppressions import checked_address
from ems.store.failures import patiently
from ems.store.parallel import KEYS_A_CALL, in_pages
from ems.store.reasons import Reason
from ems.store.suppressions import Suppression

SOURCE = "ses-list"


class SesList(Protocol):
    """SES's list (:class:`ems.aws.suppressed.SesSuppressions`)."""

    def all(self, *, since: float | None = None) -> Iterator[SuppressedAtSes]:
        """Yield its entries, or those made after *since*."""


class SuppressionSync:
    """Reads SES's list onto ours; as an import it only tightens, and may run again.

    Args:
        ses: SES's list.
        importing: Puts entries onto ours.
        removed: Tells which of up to 100 addresses were taken off ours, and when: what SES listed before stays off.
        lagging: Told each address that SES still lists although it was taken off ours later.
        sleep: Waits, in seconds.
    """

    def __init__(
        self,
        ses: SesList,
        importing: SuppressionImport,
        *,
        removed: Callable[[Sequence[str]], Mapping[str, float]],
        lagging: Callable[[str], None] = lambda _address: None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._ses = ses
        self._importing = importing
        self._removed = removed
        self._lagging = lagging
        self._sleep = sleep

    def run(
        self, *, since: float | None = None, bad: Callable[[BadLine], None], progress: Callable[[int], None]
    ) -> Imported:
        """Take over everything, or what SES listed after *since* (epoch seconds).

        *bad* and *progress* as for :meth:`SuppressionImport.take`.

        Raises:
            UnavailableError: SES or DynamoDB stays out of reach. What is done is done: begin again.
        """
        entries = self._standing(_entries(self._ses.all(since=since)))
        return self._importing.take(entries, bad=bad, progress=progress)

    def _standing(self, entries: Iterable[Suppression | BadLine]) -> Iterator[Suppression | BadLine]:
        """Leave out what was taken off our list after SES listed it."""
        for page in in_pages(entries, KEYS_A_CALL):
            addresses = [one.address for one in page if isinstance(one, Suppression)]
            removed = patiently(partial(self._removed, addresses), sleep=self._sleep)
            for one in page:
                if isinstance(one, Suppression) and one.since <= removed.get(one.address, 0.0):
                    self._lagging(one.address)
                else:
                    yield one


def entry_of(listed: SuppressedAtSes, address: str) -> Suppression:
    """Return an entry of SES's as one of ours, under *address* as ours has it."""
    reason: Reason = "complaint" if listed.reason == "COMPLAINT" else "bounce"
    return Suppression(address, reason=reason, scope="all", source=SOURCE, since=listed.since)


def _entries(listed: Iterable[SuppressedAtSes]) -> Iterator[Suppression | BadLine]:
    for number, one in enumerate(listed, start=1):
        try:
            address = checked_address(one.address)
        except InvalidError as error:
            yield BadLine(number, str(error))
        else:
            yield entry_of(one, address)
