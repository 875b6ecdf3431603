"""Sending through SES v2: one call for 1 to 50 mails, and never a word about it but its outcomes."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import formataddr, parseaddr
from threading import local
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from ems.aws.ses_answers import (
    Accepted,
    NotNow,
    Outcome,
    Unknown,
    outcome_of_entry,
    outcome_of_error,
    outcome_of_lost_call,
)

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client


UNSUBSCRIBE_VARIABLE = "unsubscribe_url"
"""What templates of bulk campaigns call their mail's link; EMS fills it in."""


@dataclass(frozen=True, slots=True)
class Template:
    """What the mails of one call have in common."""

    campaign_id: str
    sender: str
    template_name: str
    configuration_set: str
    reply_to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail of a call. Only a mail that goes alone may have ``cc`` and ``bcc``.

    ``unsubscribe_url`` is of a bulk mail: it stands in the header, and in what the template is filled with.
    """

    email_id: str
    to: str
    data: Mapping[str, Any]
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    unsubscribe_url: str | None = None

    @property
    def recipients(self) -> int:
        """Return what the mail costs of the rate: SES counts To, Cc and Bcc."""
        return 1 + len(self.cc) + len(self.bcc)


class TooLateError(Exception):
    """The request was not sent: its time was over."""


class SesSender:
    """One SES call at a time in each thread; never raises for what SES or the network does.

    *clock* gives epoch seconds.
    """

    def __init__(self, client: "SESV2Client", *, clock: Callable[[], float] = time.time) -> None:
        self._client = client
        self._clock = clock
        self._call_in_thread = local()
        for operation in ("SendEmail", "SendBulkEmail"):
            client.meta.events.register(f"before-send.sesv2.{operation}", self._check_time)

    def send(self, template: Template, mails: Sequence[Mail], *, not_after: float | None = None) -> list[Outcome]:
        """Send 1 to 50 mails: one by SendEmail, more by SendBulkEmail. Outcomes stand in the order of *mails*.

        A request that is not on its way by *not_after* (epoch seconds) is not sent: a stalled process must not spend a
        slot of the line that has passed.
        """
        self._call_in_thread.not_after = not_after
        try:
            return self._call(template, mails)
        except TooLateError:
            outcome: Outcome = NotNow("late", "the slot had passed before the request left")
        except ClientError as error:
            outcome = outcome_of_error(error)
        except BotoCoreError as error:
            outcome = outcome_of_lost_call(error)
        return [outcome] * len(mails)

    def _check_time(self, **_: Any) -> None:
        """Stop a late request at the last moment: it is built and signed, and nothing of it has left."""
        not_after = getattr(self._call_in_thread, "not_after", None)
        if not_after is not None and self._clock() > not_after:
            raise TooLateError

    def _call(self, template: Template, mails: Sequence[Mail]) -> list[Outcome]:
        if len(mails) == 1:
            message_id = self._client.send_email(**_single(template, mails[0])).get("MessageId")
            return [Accepted(message_id) if message_id else Unknown("an answer without a message id")]
        results = self._client.send_bulk_email(**_bulk(template, mails)).get("BulkEmailEntryResults", [])
        if len(results) != len(mails):
            # Bulk answers are positional; with another length no result can be told to belong to a mail.
            return [Unknown(f"{len(results)} results for {len(mails)} mails")] * len(mails)
        return [outcome_of_entry(dict(result)) for result in results]


def _single(template: Template, mail: Mail) -> dict[str, Any]:
    destination = {"ToAddresses": [mail.to], "CcAddresses": list(mail.cc), "BccAddresses": list(mail.bcc)}
    return {
        **_common(template),
        "Destination": {kind: addresses for kind, addresses in destination.items() if addresses},
        "Content": {
            "Template": {
                "TemplateName": template.template_name,
                "TemplateData": _template_data(mail),
                **_headers("Headers", mail),
            }
        },
        "EmailTags": _tags(template, mail),
    }


def _bulk(template: Template, mails: Sequence[Mail]) -> dict[str, Any]:
    """Build the call. Every entry carries its whole data, so nothing depends on how SES merges defaults."""
    return {
        **_common(template),
        "DefaultContent": {"Template": {"TemplateName": template.template_name, "TemplateData": "{}"}},
        "BulkEmailEntries": [
            {
                "Destination": {"ToAddresses": [mail.to]},
                "ReplacementTags": _tags(template, mail),
                "ReplacementEmailContent": {"ReplacementTemplate": {"ReplacementTemplateData": _template_data(mail)}},
                **_headers("ReplacementHeaders", mail),
            }
            for mail in mails
        ],
    }


def _common(template: Template) -> dict[str, Any]:
    common: dict[str, Any] = {
        "FromEmailAddress": _mime_address(template.sender),
        "ConfigurationSetName": template.configuration_set,
    }
    if template.reply_to:
        common["ReplyToAddresses"] = [_mime_address(address) for address in template.reply_to]
    return common


def _mime_address(address: str) -> str:
    """Encode a display name as RFC 2047 asks; SES takes 7-bit headers only."""
    return formataddr(parseaddr(address))


def _tags(template: Template, mail: Mail) -> list[dict[str, str]]:
    tags = {**mail.tags, "ems_email_id": mail.email_id, "ems_campaign_id": template.campaign_id}
    return [{"Name": name, "Value": value} for name, value in tags.items()]


def _headers(field: str, mail: Mail) -> dict[str, Any]:
    """Offer one-click unsubscribing as RFC 8058 asks, in this order. SES's DKIM signature covers both (ADR 27)."""
    if mail.unsubscribe_url is None:
        return {}
    headers = [
        {"Name": "List-Unsubscribe", "Value": f"<{mail.unsubscribe_url}>"},
        {"Name": "List-Unsubscribe-Post", "Value": "List-Unsubscribe=One-Click"},
    ]
    return {field: headers}


def _template_data(mail: Mail) -> str:
    # A mail that was accepted by a release before links may bring a value of its own, which was right then.
    data = mail.data if mail.unsubscribe_url is None else {UNSUBSCRIBE_VARIABLE: mail.unsubscribe_url, **mail.data}
    return json.dumps(data, separators=(",", ":"))
