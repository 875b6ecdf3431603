"""``POST /send-email`` and ``POST /send-bulk-email``."""

from structlog.contextvars import bind_contextvars

from ems.errors import TooLargeError
from ems.sending.requests import Caller
from ems.web.answers import BatchAccepted, EmailAccepted
from ems.web.bodies import SendBulkEmail, SendEmail
from ems.web.operations import operation
from ems.web.services import Acceptance

PROBLEMS = (400, 404, 409, 413, 415, 422, 503)


class Sends:
    """Takes requests to send."""

    def __init__(self, acceptance: Acceptance, *, max_recipients: int) -> None:
        self._acceptance = acceptance
        self._max_recipients = max_recipients

    @operation("POST /send-email", scope="send", tag="sending", success=202, problems=PROBLEMS)
    def send_email(self, body: SendEmail, caller: Caller) -> EmailAccepted:
        """Send one mail.

        With an Idempotency-Key, repeating the request answers with the same email_id and sends nothing twice.
        """
        accepted = self._acceptance.single(body.request(), caller)
        bind_contextvars(email_id=accepted.email_id)  # for the line that the request leaves in the log
        return EmailAccepted.model_validate(accepted)

    @operation("POST /send-bulk-email", scope="send", tag="sending", success=202, problems=PROBLEMS)
    def send_bulk_email(self, body: SendBulkEmail, caller: Caller) -> BatchAccepted:
        """Send mails of one campaign to many people.

        Valid recipients are accepted although others are not; those stand under rejected with the reason. A repeated
        address gets one mail. With an Idempotency-Key, repeating the request answers with the same batch_id.
        """
        if len(body.recipients) > self._max_recipients:
            raise TooLargeError(
                f"recipients: {len(body.recipients)} are too many for one request; send at most {self._max_recipients}"
            )
        accepted = self._acceptance.bulk(body.request(), caller)
        bind_contextvars(batch_id=accepted.batch_id)
        return BatchAccepted.model_validate(accepted)
