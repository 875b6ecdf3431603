"""Sending through SES v2, and what its answers mean.

Every call ends in one outcome per mail, as a type:

- :class:`Accepted`: SES has it, with its message id.
- :class:`Refused`: SES will never take it; the reason is kept and shown.
- :class:`NotNow`: SES has not taken it and may later; the mail is given back.
- :class:`Unknown`: nobody knows whether SES has it; the mail is in doubt and never blindly sent again.
"""

import json
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import formataddr, parseaddr
from threading import local
from typing import TYPE_CHECKING, Any, Literal, assert_never

from botocore import exceptions as boto_errors

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

Pause = Literal["throttled", "late", "quota", "paused", "unavailable", "denied"]


@dataclass(frozen=True, slots=True)
class Accepted:
    """SES took the mail."""

    message_id: str


@dataclass(frozen=True, slots=True)
class Refused:
    """SES refused the mail for good."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotNow:
    """SES did not take the mail and may take it later. ``why`` tells how long to wait."""

    why: Pause
    reason: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """The answer was lost or says nothing: SES may or may not have the mail."""

    reason: str


Outcome = Accepted | Refused | NotNow | Unknown


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
    """One mail of a call. Only a mail that goes alone may have ``cc`` and ``bcc``."""

    email_id: str
    to: str
    data: Mapping[str, Any]
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def recipients(self) -> int:
        """Return what the mail costs of the rate: SES counts To, Cc and Bcc."""
        return 1 + len(self.cc) + len(self.bcc)


_THROTTLES = {"TooManyRequestsException", "Throttling", "ThrottlingException", "RequestThrottled"}
"""SES v1, v2 and the documentation name the same throttle differently; all are taken."""

_PAUSES = {
    "AccountSuspendedException",
    "SendingPausedException",
    "AccountSendingPausedException",
    "ConfigurationSetSendingPausedException",
}

_DENIALS = {
    "AccessDeniedException",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidSignatureException",
    "NotAuthorized",
    "OptInRequired",
    "RequestExpired",
    "UnrecognizedClientException",
}
"""Credentials, permissions and clocks. Some come with status 400 (SES API v2 reference, "Common Errors")."""

_ENTRY_OUTCOMES: dict[str, Pause | Literal["refused"]] = {
    # botocore's BulkEmailStatus. The prose of the documentation says *_DOES_NOT_EXIST where the enum says *_NOT_FOUND.
    "MESSAGE_REJECTED": "refused",
    "MAIL_FROM_DOMAIN_NOT_VERIFIED": "refused",
    "CONFIGURATION_SET_NOT_FOUND": "refused",
    "TEMPLATE_NOT_FOUND": "refused",
    "INVALID_SENDING_POOL_NAME": "refused",
    "INVALID_PARAMETER": "refused",
    "FAILED": "refused",
    "ACCOUNT_THROTTLED": "throttled",
    "ACCOUNT_DAILY_QUOTA_EXCEEDED": "quota",
    "ACCOUNT_SUSPENDED": "paused",
    "ACCOUNT_SENDING_PAUSED": "paused",
    "CONFIGURATION_SET_SENDING_PAUSED": "paused",
    "TRANSIENT_FAILURE": "unavailable",
}

_NEVER_LEFT = (
    boto_errors.EndpointConnectionError,
    boto_errors.ConnectTimeoutError,
    boto_errors.ProxyConnectionError,
    boto_errors.NoCredentialsError,
    boto_errors.PartialCredentialsError,
    boto_errors.CredentialRetrievalError,
    boto_errors.TokenRetrievalError,
)
"""Raised before a byte of the request was sent."""


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
        except boto_errors.ClientError as error:
            outcome = _of_error(error)
        except boto_errors.ParamValidationError as error:
            outcome = Refused(f"invalid request: {error.kwargs['report']}")
        except _NEVER_LEFT as error:
            outcome = NotNow("unavailable", type(error).__name__)
        except boto_errors.SSLError as error:
            # TLS may also break while the answer is read; only a certificate that is not trusted comes before all else.
            outcome = NotNow("unavailable", "SSLError") if _is_untrusted(error) else Unknown("SSLError")
        except boto_errors.BotoCoreError as error:
            outcome = Unknown(type(error).__name__)
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
        return [_of_entry(dict(result)) for result in results]


def _of_error(error: boto_errors.ClientError) -> Outcome:  # noqa: PLR0911 - one return a kind reads best
    """Sort a refusal of the whole call.

    A 503 says that the service turned the request away, a 408 that it never had the whole of it. Any other 5xx may
    come after acceptance (AWS warns that repeating it can duplicate mail), so it is unknown, not a reason to send
    again.
    """
    code = error.response["Error"].get("Code", "")
    message = error.response["Error"].get("Message", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    reason = f"{code}: {message}"
    if code == "LimitExceededException" or (code in _THROTTLES and "daily" in message.lower()):
        return NotNow("quota", reason)
    if code in _THROTTLES or status == 429:  # noqa: PLR2004 - Too Many Requests by any name
        return NotNow("throttled", reason)
    if code in _PAUSES:
        return NotNow("paused", reason)
    if status in {408, 503}:  # Request Timeout, Service Unavailable
        return NotNow("unavailable", reason)
    if code in _DENIALS or status in {401, 403}:
        # Credentials or permissions are the operator's to mend; no mail is lost for them.
        return NotNow("denied", reason)
    if 400 <= status < 500:  # noqa: PLR2004 - the request's own fault
        return Refused(reason)
    return Unknown(reason)


def _is_untrusted(error: boto_errors.SSLError) -> bool:
    cause = error.kwargs.get("error")
    return any(isinstance(one, ssl.SSLCertVerificationError) for one in (cause, *getattr(cause, "args", ())))


def _of_entry(result: Mapping[str, Any]) -> Outcome:
    """Sort one entry of a bulk answer; HTTP 200 is not success."""
    status = str(result.get("Status", ""))
    reason = f"{status}: {result.get('Error', '')}"
    if status == "SUCCESS":
        message_id = result.get("MessageId")
        return Accepted(message_id) if message_id else Unknown("SUCCESS without a message id")
    kind = _ENTRY_OUTCOMES.get(status)
    match kind:
        case None:
            return Unknown(reason)
        case "refused":
            return Refused(reason)
        case "throttled" | "late" | "quota" | "paused" | "unavailable" | "denied":
            return NotNow(kind, reason)
        case _:
            assert_never(kind)


def _single(template: Template, mail: Mail) -> dict[str, Any]:
    destination = {"ToAddresses": [mail.to], "CcAddresses": list(mail.cc), "BccAddresses": list(mail.bcc)}
    return {
        **_common(template),
        "Destination": {kind: addresses for kind, addresses in destination.items() if addresses},
        "Content": {"Template": {"TemplateName": template.template_name, "TemplateData": _json(mail.data)}},
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
                "ReplacementEmailContent": {"ReplacementTemplate": {"ReplacementTemplateData": _json(mail.data)}},
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


def _json(data: Mapping[str, Any]) -> str:
    return json.dumps(data, separators=(",", ":"))
