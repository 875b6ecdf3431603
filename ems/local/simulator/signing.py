"""SNS signatures: a real RSA key and a self-signed certificate, made anew for each simulator."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

NOTIFICATION_KEYS = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
CONFIRMATION_KEYS = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
"""What is signed, in order (SNS developer guide, sns-verify-signature-of-message)."""

HASHES = {"1": hashes.SHA1, "2": hashes.SHA256}
CERTIFICATE_DAYS = 365


class Signer:
    """Signs SNS messages; :attr:`certificate` is what verifies them, as PEM."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
        self.certificate = _self_signed(self._key)

    def sign(self, message: dict[str, Any], *, version: str) -> str:
        """Return the signature of a message in base64.

        Args:
            message: Its members; absent and null ones are skipped.
            version: The topic's SignatureVersion: "1" is RSA with SHA1, "2" with SHA256, both PKCS#1 v1.5.
        """
        signature = self._key.sign(string_to_sign(message), padding.PKCS1v15(), HASHES[version]())
        return base64.b64encode(signature).decode()


def string_to_sign(message: dict[str, Any]) -> bytes:
    """Return the bytes that SNS signs: each key and its value on lines of their own."""
    keys = NOTIFICATION_KEYS if message["Type"] == "Notification" else CONFIRMATION_KEYS
    return "".join(f"{key}\n{message[key]}\n" for key in keys if message.get(key) is not None).encode()


def _self_signed(key: rsa.RSAPrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=CERTIFICATE_DAYS))
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM)
