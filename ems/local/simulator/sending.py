"""SendEmail and SendBulkEmail: what SES checks, in which order, and what it answers."""

import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from ems.local.simulator.account import Account
from ems.local.simulator.addresses import MAX_RECIPIENTS, check_address, check_all, check_headers, check_tags
from ems.local.simulator.contents import Message, of_bulk_entry, of_email
from ems.local.simulator.faults import BULK_FAULTS, Faults
from ems.local.simulator.mails import Mail, Mailbox
from ems.local.simulator.rate import Quotas
from ems.local.simulator.report import Ledger
from ems.local.simulator.templates import TemplateStore
from ems.local.simulator.wire import SesError, bad_request, member

MAX_ENTRIES = 50
ENTRY_STATUS = {
    "TooManyRequestsException": "ACCOUNT_THROTTLED",
    "LimitExceededException": "ACCOUNT_DAILY_QUOTA_EXCEEDED",
    "BadRequestException": "INVALID_PARAMETER",
    "SerializationException": "INVALID_PARAMETER",
}
"""What a refusal is called inside a bulk answer, where it comes with HTTP 200 [botocore sesv2 BulkEmailStatus]."""


class Sender:
    """Accepts mails or refuses them."""

    def __init__(
        self,
        *,
        account: Account,
        templates: TemplateStore,
        quotas: Quotas,
        mailbox: Mailbox,
        ledger: Ledger,
        faults: Faults,
        deliver: Callable[[Mail], None],
    ) -> None:
        self._account = account
        self._templates = templates
        self._rate = quotas.rate
        self._daily = quotas.daily
        self._mailbox = mailbox
        self._ledger = ledger
        self._faults = faults
        self._deliver = deliver

    def send_email(self, body: dict[str, Any]) -> str:
        """Send one mail and return its MessageId.

        Raises:
            SesError: SES would refuse it.
        """
        self._check_may_send(body)
        message = of_email(member(body, "Content", dict, required=True), self._templates)
        destination = member(body, "Destination", dict) or message.destination
        mail = self._mail("SendEmail", body, destination, message, tags=body.get("EmailTags"))
        self._admit(mail)
        return mail.message_id

    def send_bulk(self, body: dict[str, Any]) -> list[dict[str, str]]:
        """Send up to 50 mails and return their ``BulkEmailEntryResults``, in order.

        Raises:
            SesError: The call as a whole is refused; what is wrong with one entry stands in its result.
        """
        entries = member(body, "BulkEmailEntries", list, required=True)
        if not 1 <= len(entries) <= MAX_ENTRIES:
            raise bad_request(f"BulkEmailEntries must have 1 to {MAX_ENTRIES} entries")
        self._check_may_send(body)
        check_tags(body.get("DefaultEmailTags"))
        of_bulk_entry(body, {}, self._templates)  # the default content is checked even if no entry is good
        fault = self._faults.take("SendBulkEmail", BULK_FAULTS)
        imposed = {"mixed": fault.statuses, "throttle": ["ACCOUNT_THROTTLED"]}.get(fault.kind) if fault else None
        results = [
            self._entry(body, entry, imposed[index % len(imposed)] if imposed else "SUCCESS")
            for index, entry in enumerate(entries)
        ]
        if any(result["Status"] == "ACCOUNT_THROTTLED" for result in results):
            self._ledger.throttled_calls += 1
        return results[:-1] if fault is not None and fault.kind == "short_answer" else results

    def _entry(self, body: dict[str, Any], entry: dict[str, Any], imposed: str) -> dict[str, str]:
        if imposed != "SUCCESS":
            return {"Status": imposed, "Error": "a fault that was asked for"}
        try:
            message = of_bulk_entry(body, entry, self._templates)
            # An entry's tags win over the call's of the same name.
            tags = {each.get("Name"): each for each in (body.get("DefaultEmailTags") or [])}
            tags |= {each.get("Name"): each for each in (entry.get("ReplacementTags") or [])}
            destination = member(entry, "Destination", dict, required=True)
            mail = self._mail("SendBulkEmail", body, destination, message, tags=list(tags.values()))
            self._admit(mail)
        except SesError as error:
            return {"Status": ENTRY_STATUS[error.code], "Error": error.message}
        return {"Status": "SUCCESS", "MessageId": mail.message_id}

    def _check_may_send(self, body: dict[str, Any]) -> None:
        name = member(body, "ConfigurationSetName", str)
        configuration_set = self._account.set_named(name) if name else None
        if not self._account.sending_enabled:
            raise SesError("SendingPausedException", "Email sending is disabled for your account.")
        if configuration_set is not None and not configuration_set.sending_enabled:
            raise SesError("SendingPausedException", f"Sending is disabled for configuration set <{name}>.")

    def _mail(
        self, operation: str, body: dict[str, Any], destination: dict[str, Any], message: Message, *, tags: Any
    ) -> Mail:
        source = body.get("FromEmailAddress") or message.source
        check_address(source)
        mail = Mail(
            operation=operation,
            source=str(source),
            to=check_all(destination.get("ToAddresses")),
            cc=check_all(destination.get("CcAddresses")),
            bcc=check_all(destination.get("BccAddresses")),
            reply_to=check_all(body.get("ReplyToAddresses")),
            configuration_set=body.get("ConfigurationSetName"),
            template_name=message.template_name,
            tags=check_tags(tags),
            headers=check_headers(message.headers),
            body=message.body,
        )
        if not 1 <= len(mail.recipients) <= MAX_RECIPIENTS:
            raise bad_request(f"a mail has 1 to {MAX_RECIPIENTS} recipients, To, Cc and Bcc together")
        return mail

    def _admit(self, mail: Mail) -> None:
        """Take the quota and accept the mail, at one moment: nothing may run between the two."""
        now = time.monotonic()
        recipients = len(mail.recipients)
        if not self._daily.has_room(recipients, now=now):
            raise SesError("LimitExceededException", "Daily message quota exceeded.")
        if not self._rate.admit(recipients, now=now):
            self._ledger.throttled_recipients += recipients
            raise throttled()
        self._daily.count(recipients, now=now)
        self._ledger.log.record(mail, now=now)
        self._mailbox.add(mail)
        self._deliver(mail)


def throttled() -> SesError:
    """Return what SES says when the rate is exceeded."""
    return SesError("TooManyRequestsException", "Maximum sending rate exceeded.", status=HTTPStatus.TOO_MANY_REQUESTS)
