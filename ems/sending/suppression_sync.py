"""Taking over what SES has on its own suppression list, so that mail which it would not deliver spends no quota."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from ems.aws.suppressed import SuppressedAtSes
from ems.errors import InvalidError
from ems.sending.suppression_csv import BadLine
from ems.sending.suppression_import import Imported, SuppressionImport
from ems.sending.suppressions import checked_address
from ems.store.reasons import Reason
from ems.store.suppressions import Suppression

SOURCE = "ses-list"


class SesList(Protocol):
    """SES's list (:class:`ems.aws.suppressed.SesSuppressions`)."""

    def all(self) -> Iterator[SuppressedAtSes]:
        """Yield its entries."""


class SuppressionSync:
    """Reads SES's list onto ours; as an import it only tightens, and may run again."""

    def __init__(self, ses: SesList, importing: SuppressionImport) -> None:
        self._ses = ses
        self._importing = importing

    def run(self, *, bad: Callable[[BadLine], None], progress: Callable[[int], None]) -> Imported:
        """Take everything over; *bad* and *progress* as for :meth:`SuppressionImport.take`.

        Raises:
            UnavailableError: SES or DynamoDB stays out of reach. What is done is done: begin again.
        """
        return self._importing.take(_entries(self._ses.all()), bad=bad, progress=progress)


def _entries(listed: Iterable[SuppressedAtSes]) -> Iterator[Suppression | BadLine]:
    for number, one in enumerate(listed, start=1):
        try:
            address = checked_address(one.address)
        except InvalidError as error:
            yield BadLine(number, str(error))
        else:
            reason: Reason = "complaint" if one.reason == "COMPLAINT" else "bounce"
            yield Suppression(address, reason=reason, scope="all", source=SOURCE, since=one.since)
