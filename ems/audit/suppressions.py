"""The suppression list against the events that call for its entries."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ems.audit.findings import Break, Kind
from ems.audit.mails import calls_for_suppression
from ems.store.audit import AuditReads
from ems.store.parallel import KEYS_A_CALL, in_pages
from ems.tracking.apply import SUPPRESSION_SOURCE


class Called(NamedTuple):
    """The last event that puts an address on the list: its time in epoch seconds, and its mail."""

    at: float
    email_id: str


class SuppressionAudit:
    """Neither side may be without the other: a hard bounce without its entry, an entry without its event.

    Tracking writes the entry before the event, so whoever reads the event first and then the entry sees both.
    """

    def __init__(self, reads: AuditReads) -> None:
        self._reads = reads

    def missing(self, called: Mapping[str, Called]) -> Iterator[Break]:
        """Yield a break for each address of *called* that is not on the list, and was not taken off since."""
        listed = self._reads.suppressed(called)
        missing = {address: event for address, event in called.items() if address not in listed}
        removed = self._reads.removed(missing)
        for address, event in missing.items():
            if event.at > removed.get(address, 0.0):
                yield Break(
                    Kind.NOT_SUPPRESSED, event.email_id, "its events suppress an address that is not on the list"
                )

    def without_cause(self, *, recent: float) -> Iterator[Break]:
        """Yield a break for each entry made since *recent* (epoch seconds) whose event is not on its mail's row."""
        entries = (one for one in self._reads.suppressed_by_events(SUPPRESSION_SOURCE) if one.since > recent)
        for page in in_pages(entries, KEYS_A_CALL):
            email_ids = {one.email_id for one in page}
            caused = {mail.email_id for mail in self._reads.mails_by_id(email_ids) if calls_for_suppression(mail)}
            for email_id in sorted(email_ids - caused):
                yield Break(Kind.NO_CAUSE, email_id, "its recipient is suppressed for an event that is not on its row")
