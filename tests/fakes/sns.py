"""An SNS that signs as the real one does.

The string to sign is spelled out here a second time on purpose, from the SNS developer guide: a mistake in the product
must not be repeated by the tests that look for it.
"""

import base64
import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

NOTIFICATION_KEYS = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
CONFIRMATION_KEYS = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")


def certificate_for(
    key: Any, *, not_before: dt.datetime | None = None, days: int = 365, name: str = "sns.amazonaws.com"
) -> bytes:
    """Return a self-signed certificate of *key*, PEM."""
    start = not_before or dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM)


@dataclass(frozen=True)
class SigningSns:
    """Builds posts; every value can be overridden, before signing (``changes``) or after (``forge``)."""

    key: rsa.RSAPrivateKey
    pem: bytes
    topic_arn: str = "arn:aws:sns:us-east-1:123456789012:ems-events"
    cert_url: str = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"
    not_before: float = dt.datetime(2026, 1, 1, tzinfo=dt.UTC).timestamp()
    not_after: float = dt.datetime(2027, 1, 1, tzinfo=dt.UTC).timestamp()

    def notification(self, message: str = '{"eventType":"Send"}\n', *, version: str = "1", **changes: Any) -> bytes:
        envelope = {
            "Type": "Notification",
            "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
            "TopicArn": self.topic_arn,
            "Subject": "Amazon SES Email Event Notification",
            "Message": message,
            "Timestamp": "2026-10-12T09:00:00.000Z",
            "UnsubscribeURL": "https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe&SubscriptionArn=x",
            **changes,
        }
        return self.post(envelope, NOTIFICATION_KEYS, version=version)

    def confirmation(self, kind: str = "SubscriptionConfirmation", *, version: str = "1", **changes: Any) -> bytes:
        envelope = {
            "Type": kind,
            "MessageId": "165545c9-2a5c-472c-8df2-7ff2be2b3b1b",
            "Token": "2336412f37fb687f5d51e6e2425dacbb",
            "TopicArn": self.topic_arn,
            "Message": "You have chosen to subscribe to the topic.",
            "SubscribeURL": "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&Token=x",
            "Timestamp": "2026-10-12T09:00:00.000Z",
            **changes,
        }
        return self.post(envelope, CONFIRMATION_KEYS, version=version)

    def post(self, envelope: Mapping[str, Any], keys: tuple[str, ...], *, version: str) -> bytes:
        present = [key for key in keys if envelope.get(key) is not None]
        text = "".join(f"{key}\n{envelope[key]}\n" for key in present)
        algorithm = hashes.SHA256() if version == "2" else hashes.SHA1()  # noqa: S303 - what SNS signs with
        signature = self.key.sign(text.encode(), padding.PKCS1v15(), algorithm)
        signed = {
            "SignatureVersion": version,
            "Signature": base64.b64encode(signature).decode(),
            "SigningCertURL": self.cert_url,
        }
        return json.dumps({**signed, **envelope}).encode()

    @staticmethod
    def forge(body: bytes, **changes: Any) -> bytes:
        """Change values of a signed post; None removes one."""
        envelope = {**json.loads(body), **changes}
        return json.dumps({key: value for key, value in envelope.items() if value is not None}).encode()
