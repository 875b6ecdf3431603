"""What SNS sends: the envelope of a message, and the request that carries it (SNS developer guide, section HTTP/S)."""

import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from ems.local.simulator.signing import Signer
from ems.local.simulator.topics import Subscription, Topic


@dataclass(slots=True, eq=False)
class Publication:
    """One published message. Its signature is the same for every subscriber, and made only when one needs it.

    ``attributes`` are as in the API: name to ``{"DataType": ..., "StringValue": ...}``.
    """

    message: str
    subject: str | None = None
    attributes: dict[str, dict[str, str]] = field(default_factory=dict)
    message_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    signed: dict[str, Any] | None = None


class Envelopes:
    """Builds and signs what goes out."""

    def __init__(self, *, base_url: str, certificate_url: str, signer: Signer) -> None:
        self._base_url = base_url
        self._certificate_url = certificate_url
        self._signer = signer

    def notification(self, publication: Publication, topic: Topic, subscription: Subscription) -> bytes:
        """Return a message as *subscription* gets it: bare, or in its envelope."""
        if subscription.raw:
            return publication.message.encode()
        if publication.signed is None:
            publication.signed = self._signed(
                {
                    "Type": "Notification",
                    "MessageId": publication.message_id,
                    "TopicArn": topic.arn,
                    "Subject": publication.subject,
                    "Message": publication.message,
                },
                topic,
            )
        envelope = {**publication.signed, "UnsubscribeURL": self._link("Unsubscribe", SubscriptionArn=subscription.arn)}
        if publication.attributes:
            envelope["MessageAttributes"] = {
                name: {"Type": value["DataType"], "Value": value.get("StringValue", value.get("BinaryValue", ""))}
                for name, value in publication.attributes.items()
            }
        return _pretty(envelope)

    def confirmation(self, kind: str, topic: Topic, subscription: Subscription) -> bytes:
        """Return a ``SubscriptionConfirmation`` or ``UnsubscribeConfirmation``."""
        did = "chosen to subscribe to" if kind == "SubscriptionConfirmation" else "chosen to deactivate subscription to"
        message = {
            "Type": kind,
            "MessageId": str(uuid.uuid4()),
            "Token": subscription.token,
            "TopicArn": topic.arn,
            "Message": f"You have {did} the topic {topic.arn}.\n"
            "To confirm the subscription, visit the SubscribeURL included in this message.",
            "SubscribeURL": self._link("ConfirmSubscription", TopicArn=topic.arn, Token=subscription.token),
        }
        return _pretty(self._signed(message, topic))

    def _signed(self, message: dict[str, Any], topic: Topic) -> dict[str, Any]:
        version = topic.signature_version
        present = {key: value for key, value in message.items() if value is not None}
        present["Timestamp"] = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {
            **present,
            "SignatureVersion": version,
            "Signature": self._signer.sign(present, version=version),
            "SigningCertURL": self._certificate_url,
        }

    def _link(self, action: str, **parameters: str) -> str:
        return f"{self._base_url}/?{urlencode({'Action': action, **parameters})}"


def headers(kind: str, topic: Topic, subscription: Subscription, *, message_id: str) -> dict[str, str]:
    """Return the headers of one POST."""
    sent = {
        "Content-Type": "text/plain; charset=UTF-8",
        "User-Agent": "Amazon Simple Notification Service Agent",
        "x-amz-sns-message-type": kind,
        "x-amz-sns-message-id": message_id,
        "x-amz-sns-topic-arn": topic.arn,
    }
    if kind != "SubscriptionConfirmation":
        sent["x-amz-sns-subscription-arn"] = subscription.arn
    if kind == "Notification" and subscription.raw:
        sent["x-amz-sns-rawdelivery"] = "true"
    return sent


def _pretty(envelope: dict[str, Any]) -> bytes:
    return json.dumps(envelope, indent=2, separators=(",", " : "), ensure_ascii=False).encode()
