"""What an answer of SES, or its absence, means for each mail of a call.

Every mail gets one outcome, as a type:

- :class:`Accepted`: SES has it, with its message id.
- :class:`Refused`: SES will not take it as things are; the reason is kept and shown, and whether it may pass.
- :class:`NotNow`: SES has not taken it and may later; the mail is given back.
- :class:`Unknown`: nobody knows whether SES has it; the mail is in doubt and never blindly sent again.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, assert_never

from botocore import exceptions as boto_errors

Pause = Literal["throttled", "late", "quota", "paused", "unavailable", "denied"]


@dataclass(frozen=True, slots=True)
class Accepted:
    """SES took the mail."""

    message_id: str


@dataclass(frozen=True, slots=True)
class Refused:
    """SES refused the mail, and asking again at once would not help.

    ``may_pass``: the reason lies outside the mail (an identity, a template, a configuration set, SES itself), so that
    the very same mail may be taken once somebody has mended it.
    """

    reason: str
    may_pass: bool = False


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

_MENDABLE = {"MailFromDomainNotVerifiedException", "NotFoundException"}
"""Refusals of what the account lacks: a verified domain, a template, a configuration set."""

_UNVERIFIED = "not verified"
"""SES names a missing identity by MessageRejected, as it does a virus; only the message tells them apart."""

_ENTRY_OUTCOMES: dict[str, Pause | Literal["refused", "mendable"]] = {
    # botocore's BulkEmailStatus. The prose of the documentation says *_DOES_NOT_EXIST where the enum says *_NOT_FOUND.
    "MESSAGE_REJECTED": "refused",
    "MAIL_FROM_DOMAIN_NOT_VERIFIED": "mendable",
    "CONFIGURATION_SET_NOT_FOUND": "mendable",
    "TEMPLATE_NOT_FOUND": "mendable",
    "INVALID_SENDING_POOL_NAME": "mendable",
    "INVALID_PARAMETER": "refused",
    "FAILED": "mendable",  # "unable to process your request", without a word about whose fault it is
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


def outcome_of_lost_call(error: boto_errors.BotoCoreError) -> Outcome:
    """Sort a call without an answer: did anything of it leave this process?"""
    if isinstance(error, boto_errors.ParamValidationError):
        return Refused(f"invalid request: {error.kwargs['report']}")
    if isinstance(error, _NEVER_LEFT):
        return NotNow("unavailable", type(error).__name__)
    if isinstance(error, boto_errors.SSLError) and _is_untrusted(error):
        # TLS may also break while the answer is read; only a certificate that is not trusted comes before all else.
        return NotNow("unavailable", "SSLError")
    return Unknown(type(error).__name__)


def outcome_of_error(error: boto_errors.ClientError) -> Outcome:  # noqa: PLR0911 - one return a kind reads best
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
        unverified = code == "MessageRejected" and _UNVERIFIED in message
        return Refused(reason, may_pass=unverified or code in _MENDABLE)
    return Unknown(reason)


def _is_untrusted(error: boto_errors.SSLError) -> bool:
    cause = error.kwargs.get("error")
    return any(isinstance(one, ssl.SSLCertVerificationError) for one in (cause, *getattr(cause, "args", ())))


def outcome_of_entry(result: Mapping[str, Any]) -> Outcome:
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
        case "refused" | "mendable":
            return Refused(reason, may_pass=kind == "mendable")
        case "throttled" | "late" | "quota" | "paused" | "unavailable" | "denied":
            return NotNow(kind, reason)
        case _:
            assert_never(kind)
