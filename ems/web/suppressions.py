"""``/suppressions``: who gets no mail."""

from ems.web.operations import operation
from ems.web.services import Suppressions as SuppressionService
from ems.web.suppression_models import PutSuppression, SuppressionEntry, SuppressionPage, SuppressionsQuery


class Suppressions:
    """Reads and changes the suppression list. Changing takes ``admin``: an entry protects the sender's reputation."""

    def __init__(self, suppressions: SuppressionService) -> None:
        self._suppressions = suppressions

    @operation("GET /suppressions", scope="read", tag="suppressions", problems=(422, 503))
    def list_suppressions(self, query: SuppressionsQuery) -> SuppressionPage:
        """List who gets no mail.

        A page of one reason or scope may be short, even empty, and still have a next: go on until next is null.
        """
        page = self._suppressions.page(reason=query.reason, scope=query.scope, limit=query.limit, cursor=query.cursor)
        return SuppressionPage.model_validate(page)

    @operation("GET /suppressions/{address}", scope="read", tag="suppressions", problems=(404, 422, 503))
    def get_suppression(self, address: str) -> SuppressionEntry:
        """Read why an address gets no mail."""
        return SuppressionEntry.model_validate(self._suppressions.get(address))

    @operation(
        "PUT /suppressions/{address}", scope="admin", tag="suppressions", problems=(400, 409, 413, 415, 422, 503)
    )
    def put_suppression(self, address: str, body: PutSuppression, by: str) -> SuppressionEntry:
        """Put an address on the list, or replace its entry.

        Unlike an SES event this may also narrow an entry from all mail to bulk. The same again changes nothing. Mails
        that a sender has in hand at this moment may still go out.
        """
        entry = self._suppressions.put(address, reason=body.reason, scope=body.scope, by=by)
        return SuppressionEntry.model_validate(entry)

    @operation(
        "DELETE /suppressions/{address}", scope="admin", tag="suppressions", success=204, problems=(404, 422, 503)
    )
    def delete_suppression(self, address: str) -> None:
        """Take an address off the list. It gets mail again, until the next bounce or complaint."""
        self._suppressions.remove(address)
