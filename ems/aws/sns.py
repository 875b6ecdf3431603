"""What SNS posts to an HTTP endpoint: its envelope, the proof that it is genuine, and the answer to a confirmation.

Sources: the SNS developer guide, "Parsing Amazon SNS message formats" and "Verifying the signatures of Amazon SNS
messages"; the attacks that each check answers are named in tests/unit/aws/test_sns.py.
"""

import base64
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from ems.errors import EmsError, UnavailableError
from ems.settings import TOPIC_ARN

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

NOTIFICATION = "Notification"
SUBSCRIPTION_CONFIRMATION = "SubscriptionConfirmation"
UNSUBSCRIBE_CONFIRMATION = "UnsubscribeConfirmation"

_SIGNED_KEYS: Mapping[str, tuple[str, ...]] = {
    NOTIFICATION: ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    SUBSCRIPTION_CONFIRMATION: ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    UNSUBSCRIBE_CONFIRMATION: ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
"""The keys that the signature covers, in the order in which they are signed. MessageAttributes and UnsubscribeURL
are not covered, so nothing here reads them."""

_HASHES: Mapping[str, type[hashes.SHA1] | type[hashes.SHA256]] = {"1": hashes.SHA1, "2": hashes.SHA256}

_REFUSED_TOKEN_CODES = frozenset({"InvalidParameter", "InvalidParameterValue", "NotFound", "SubscriptionLimitExceeded"})


class MalformedError(EmsError):
    """The post is no SNS envelope: no JSON, cut off, or a field is missing or no text."""


class RawDeliveryError(EmsError):
    """The post is a message without its envelope, hence without a signature: raw delivery is on."""


class ForgedError(EmsError):
    """The post is not what SNS signed for a topic of ours. Never to be tried again."""


class CannotDecideError(EmsError):
    """Whether the post is genuine cannot be told now, because the certificate cannot be had."""


class ConfirmationRefusedError(EmsError):
    """SNS does not accept this confirmation, now or later: its token is used up, expired or not for this account."""


class CertificateSource(Protocol):
    """Where the verifier gets public keys from."""

    def public_key(self, url: str, *, vouched_for: bool) -> RSAPublicKey:
        """Return the key of the certificate at *url*.

        Args:
            url: Where it is; the caller has made sure that this place can be trusted.
            vouched_for: The operator named this very URL, so the certificate's dates do not matter.

        Raises:
            CannotDecideError: The certificate cannot be had, or is none that can be used.
        """
        ...


@dataclass(frozen=True, slots=True)
class Envelope:
    """One post of SNS. ``signed`` holds the values of the signed keys as decoded from JSON, byte for byte."""

    type: str
    message_id: str
    topic_arn: str
    message: str
    signature: str
    signature_version: str
    signing_cert_url: str
    token: str | None
    signed: Mapping[str, str]

    @property
    def known(self) -> bool:
        """Tell whether the type is one whose signature has a documented form."""
        return self.type in _SIGNED_KEYS

    def string_to_sign(self) -> bytes:
        """Return what SNS signed: key and value on a line each, in byte order of the keys.

        A Subject that is absent or null is left out, as SNS does for messages without one.
        """
        lines = (f"{key}\n{self.signed[key]}\n" for key in _SIGNED_KEYS[self.type] if key in self.signed)
        # JSON can name lone surrogates, UTF-8 cannot hold them: they shall fail the signature, not the process.
        return "".join(lines).encode("utf-8", "surrogatepass")


def parse_envelope(body: bytes) -> Envelope:
    """Read the body of a post; its Content-Type does not matter (SNS sends text/plain).

    Raises:
        MalformedError: The body is cut off, no JSON object, or lacks a field.
        RawDeliveryError: The body is the bare message.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MalformedError("the body is no complete JSON document") from error
    if not isinstance(document, dict):
        raise MalformedError("the body is no JSON object")
    if "Type" not in document and ("eventType" in document or "notificationType" in document):
        raise RawDeliveryError(
            "an SES event without its SNS envelope has no signature; turn RawMessageDelivery off on the subscription"
        )
    return _envelope(document)


def _envelope(document: Mapping[str, Any]) -> Envelope:
    kind = _text(document, "Type")
    keys = _SIGNED_KEYS.get(kind, ())
    signed = {key: _text(document, key) for key in keys if key != "Subject" or document.get("Subject") is not None}
    # Lambda's spelling, for posts that were stored and forwarded from there.
    url_key = (
        "SigningCertUrl" if "SigningCertURL" not in document and "SigningCertUrl" in document else "SigningCertURL"
    )
    return Envelope(
        type=kind,
        message_id=_text(document, "MessageId"),
        topic_arn=_text(document, "TopicArn"),
        message=_text(document, "Message"),
        signature=_text(document, "Signature"),
        signature_version=_text(document, "SignatureVersion"),
        signing_cert_url=_text(document, url_key),
        token=signed.get("Token"),
        signed=signed,
    )


def _text(document: Mapping[str, Any], key: str) -> str:
    value = document.get(key)
    if not isinstance(value, str):
        raise MalformedError(f"{key}: {'missing' if value is None else 'not a text'}")
    return value


class SnsVerifier:
    """Tells genuine posts of our topics from all others.

    Not checked on purpose: the age of a message. Its Timestamp is signed, but SNS repeats a post for up to an hour
    and a redrive from the subscription's dead-letter queue comes days later; whoever replays a genuine message finds
    that every handler is idempotent (an event counts once, a confirmation confirms what is confirmed).
    """

    def __init__(
        self,
        *,
        topic_arns: Collection[str],
        certificates: CertificateSource,
        extra_cert_url: str | None = None,
        min_signature_version: int = 1,
    ) -> None:
        """Trust *topic_arns* only.

        Args:
            topic_arns: The topics whose messages are accepted. Anybody can own a topic and have SNS sign for it.
            certificates: Fetches and keeps signing certificates.
            extra_cert_url: One exact certificate URL to trust besides SNS's own; for an embedded SNS.
            min_signature_version: 2 refuses SHA-1 signatures, for topics whose SignatureVersion attribute is 2.
        """
        self._topic_arns = frozenset(topic_arns)
        self._certificates = certificates
        self._extra_cert_url = extra_cert_url
        self._min_signature_version = min_signature_version

    def check_topic(self, envelope: Envelope) -> None:
        """Refuse messages of other people's topics; needs no network.

        Raises:
            ForgedError: The topic is none of ours.
        """
        if envelope.topic_arn not in self._topic_arns:
            raise ForgedError("TopicArn: not in EMS_SNS_TOPIC_ARNS")

    def verify(self, envelope: Envelope) -> None:
        """Return when *envelope* is what SNS signed for one of our topics.

        The cheap checks come first: no certificate is fetched for a topic that is not ours or from a host that is
        not SNS's.

        Raises:
            ForgedError: It is not.
            CannotDecideError: The certificate cannot be had now.
        """
        self.check_topic(envelope)
        if not envelope.known:
            raise ForgedError("Type: no signature is defined for it")
        algorithm = self._algorithm(envelope.signature_version)
        if not self._is_trusted_url(envelope.signing_cert_url, topic_arn=envelope.topic_arn):
            raise ForgedError("SigningCertURL: not a certificate of SNS in the region of the topic")
        try:
            signature = base64.b64decode(envelope.signature, validate=True)
        except ValueError as error:
            raise ForgedError("Signature: not base64") from error
        key = self._certificates.public_key(
            envelope.signing_cert_url, vouched_for=envelope.signing_cert_url == self._extra_cert_url
        )
        try:
            key.verify(signature, envelope.string_to_sign(), padding.PKCS1v15(), algorithm)
        except InvalidSignature as error:
            raise ForgedError("Signature: does not match the message") from error

    def _algorithm(self, version: str) -> hashes.HashAlgorithm:
        algorithm = _HASHES.get(version)
        if algorithm is None:
            raise ForgedError("SignatureVersion: neither 1 nor 2")
        if int(version) < self._min_signature_version:
            raise ForgedError(f"SignatureVersion: {version} is below EMS_SNS_MIN_SIGNATURE_VERSION")
        return algorithm()

    def _is_trusted_url(self, url: str, *, topic_arn: str) -> bool:
        if url == self._extra_cert_url:
            return True
        arn = TOPIC_ARN.fullmatch(topic_arn)
        if arn is None:
            return False
        # The whole URL is spelled out and matched to its end: no user, port, query or longer host slips in, which
        # is how S3 buckets and look-alike hosts once passed for SNS.
        host = f"sns.{arn['region']}.amazonaws.com" + (".cn" if arn["partition"] == "aws-cn" else "")
        pattern = rf"https://{re.escape(host)}/SimpleNotificationService-[0-9a-f]+\.pem"
        return re.fullmatch(pattern, url) is not None


class SnsApi:
    """The SNS calls that the webhook makes."""

    def __init__(self, client: "SNSClient") -> None:
        self._client = client

    def confirm(self, topic_arn: str, token: str) -> None:
        """Confirm a subscription through the API, never by fetching the SubscribeURL of a message.

        AuthenticateOnUnsubscribe keeps whoever sees a notification from unsubscribing us with its UnsubscribeURL.

        Raises:
            ConfirmationRefusedError: SNS will not take this token.
            UnavailableError: SNS cannot be reached, or does not let us (``sns:ConfirmSubscription``).
        """
        try:
            self._client.confirm_subscription(TopicArn=topic_arn, Token=token, AuthenticateOnUnsubscribe="true")
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "unknown")
            if code in _REFUSED_TOKEN_CODES:
                raise ConfirmationRefusedError(f"SNS does not confirm this subscription ({code})") from error
            raise UnavailableError("SNS", f"cannot confirm a subscription ({code})") from error
        except BotoCoreError as error:
            raise UnavailableError("SNS", f"cannot confirm a subscription ({type(error).__name__})") from error
