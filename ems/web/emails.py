"""``/emails``: what has become of each mail, and what is to become of one in doubt."""

from ems.errors import InvalidError
from ems.sending.emails import EmailView
from ems.sending.resolve import Order
from ems.store.pages import Page
from ems.web.answers import Email, EmailPage, Resolution
from ems.web.bodies import DryRunQuery, EmailsQuery, Resolve
from ems.web.operations import operation
from ems.web.services import Emails as EmailService
from ems.web.services import Resolver


class Emails:
    """Reads mails, and decides about those in doubt."""

    def __init__(self, emails: EmailService, resolver: Resolver) -> None:
        self._emails = emails
        self._resolver = resolver

    @operation("GET /emails/{email_id}", scope="read", tag="emails", problems=(404, 503))
    def get_email(self, email_id: str) -> Email:
        """Read one mail, its status and its history."""
        return Email.model_validate(self._emails.get(email_id))

    @operation("GET /emails", scope="read", tag="emails", problems=(422, 503))
    def list_emails(self, query: EmailsQuery) -> EmailPage:
        """List mails by message_id, recipient or campaign_id; give exactly one of them.

        A page of one status may be short, even empty, and still have a next: go on until next is null. Mails of a batch
        appear once a sender has come to them; GET /batches/{batch_id} counts all of them.
        """
        return EmailPage.model_validate(self._page(query))

    @operation("POST /emails/{email_id}/resolve", scope="send", tag="emails", problems=(400, 404, 409, 415, 422, 503))
    def resolve_email(self, email_id: str, body: Resolve, query: DryRunQuery, by: str) -> Resolution:
        """Decide about one mail in doubt.

        Only once its window is over; before that an SES event may settle it. An event that comes later still counts a
        mail as sent that was given up.
        """
        self._emails.get(email_id)
        order = Order(body.decision, by, query.dry_run)
        return Resolution.of(order, self._resolver.email(email_id, order))

    def _page(self, query: EmailsQuery) -> Page[EmailView]:
        given = [name for name in ("message_id", "recipient", "campaign_id") if getattr(query, name) is not None]
        if len(given) != 1:
            raise InvalidError(given[1] if given else "message_id", "give one of message_id, recipient, campaign_id")
        if query.status is not None and query.campaign_id is None:
            raise InvalidError("status", "is for listings by campaign_id; leave it out")
        if query.message_id is not None:
            return self._emails.of_message(query.message_id, limit=query.limit, cursor=query.cursor)
        if query.recipient is not None:
            return self._emails.of_recipient(query.recipient, limit=query.limit, cursor=query.cursor)
        return self._emails.of_campaign(
            query.campaign_id or "", status=query.status, limit=query.limit, cursor=query.cursor
        )
