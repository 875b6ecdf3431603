"""SNS topics and their subscriptions."""

import re
import uuid
from dataclasses import dataclass, field
from http import HTTPStatus

from ems.local.simulator.options import ACCOUNT_ID, REGION

_TOPIC_NAME = re.compile(r"^[A-Za-z0-9_-]{1,256}(?:\.fifo)?$")
PROTOCOLS = ("http", "https", "sqs")
UNSUPPORTED_ATTRIBUTES = ("FilterPolicy", "RedrivePolicy")


class SnsError(Exception):
    """An SNS error by its code in the query protocol."""

    def __init__(self, code: str, message: str, *, status: int = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


def invalid(message: str) -> SnsError:
    """Return SNS's answer to input it cannot use."""
    return SnsError("InvalidParameter", f"Invalid parameter: {message}")


def not_found(message: str) -> SnsError:
    """Return SNS's answer to an ARN it does not know."""
    return SnsError("NotFound", message, status=HTTPStatus.NOT_FOUND)


@dataclass(slots=True, eq=False)
class Subscription:
    """One subscriber of a topic; nothing but the confirmation is posted to it before it is confirmed."""

    arn: str
    topic_arn: str
    protocol: str
    endpoint: str
    confirmed: bool
    token: str = field(default_factory=lambda: uuid.uuid4().hex * 4)
    attributes: dict[str, str] = field(default_factory=dict)

    @property
    def raw(self) -> bool:
        """Whether it gets the bare message instead of SNS's envelope."""
        return self.attributes.get("RawMessageDelivery", "false") == "true"

    @property
    def shown_arn(self) -> str:
        """The ARN in listings."""
        return self.arn if self.confirmed else "PendingConfirmation"

    def set_attribute(self, name: str, value: str) -> None:
        """Change one attribute; those that the simulator does not act on are refused, not ignored."""
        if name in UNSUPPORTED_ATTRIBUTES and value not in ("", "{}"):
            raise invalid(f"{name} is not supported by the simulator")
        self.attributes[name] = value


@dataclass(slots=True, eq=False)
class Topic:
    """One topic."""

    arn: str
    attributes: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    subscriptions: list[Subscription] = field(default_factory=list)

    @property
    def signature_version(self) -> str:
        """SNS signs with version 1 unless the topic says 2."""
        return self.attributes.get("SignatureVersion", "1")

    def set_attribute(self, name: str, value: str) -> None:
        """Change one attribute."""
        if name == "SignatureVersion" and value not in ("1", "2"):
            raise invalid("SignatureVersion must be 1 or 2")
        self.attributes[name] = value


class Topics:
    """Every topic and subscription of the account."""

    def __init__(self) -> None:
        self._topics: dict[str, Topic] = {}
        self._subscriptions: dict[str, Subscription] = {}

    def create(self, name: str, *, attributes: dict[str, str], tags: dict[str, str]) -> Topic:
        """Return the topic of this name, made when it is missing."""
        if not _TOPIC_NAME.match(name):
            raise invalid("Topic Name")
        arn = f"arn:aws:sns:{REGION}:{ACCOUNT_ID}:{name}"
        topic = self._topics.setdefault(arn, Topic(arn))
        for key, value in attributes.items():
            topic.set_attribute(key, value)
        topic.tags |= tags
        return topic

    def get(self, arn: str) -> Topic:
        """Return one topic; an unknown ARN is an SNS error."""
        if arn not in self._topics:
            raise not_found("Topic does not exist")
        return self._topics[arn]

    def find(self, arn: str) -> Topic | None:
        """Return one topic, or nothing."""
        return self._topics.get(arn)

    def delete(self, arn: str) -> None:
        """Forget a topic with its subscriptions; an unknown one is no error (SNS: DeleteTopic is idempotent)."""
        topic = self._topics.pop(arn, None)
        for subscription in topic.subscriptions if topic else ():
            del self._subscriptions[subscription.arn]

    def all(self) -> list[Topic]:
        """Return every topic by ARN."""
        return [self._topics[arn] for arn in sorted(self._topics)]

    def subscriptions(self) -> list[Subscription]:
        """Return every subscription in order of creation."""
        return list(self._subscriptions.values())

    def subscribe(self, topic_arn: str, *, protocol: str, endpoint: str, attributes: dict[str, str]) -> Subscription:
        """Return the topic's subscription of this endpoint, made when it is missing. SQS needs no confirmation."""
        topic = self.get(topic_arn)
        if protocol not in PROTOCOLS:
            raise invalid(f"the simulator delivers by {', '.join(PROTOCOLS)}, not by {protocol}")
        if not endpoint.startswith("arn:aws:sqs:" if protocol == "sqs" else f"{protocol}://"):
            raise invalid("Endpoint does not fit the protocol")
        for existing in topic.subscriptions:
            if (existing.protocol, existing.endpoint) == (protocol, endpoint):
                if any(existing.attributes.get(name) != value for name, value in attributes.items()):
                    raise invalid("Attributes Reason: Subscription already exists with different attributes")
                return existing
        arn = f"{topic_arn}:{uuid.uuid4()}"
        made = Subscription(arn, topic_arn, protocol, endpoint, confirmed=protocol == "sqs")
        for name, value in attributes.items():
            made.set_attribute(name, value)
        topic.subscriptions.append(made)
        self._subscriptions[arn] = made
        return made

    def subscription(self, arn: str) -> Subscription:
        """Return one subscription; an unknown ARN is an SNS error."""
        if arn not in self._subscriptions:
            raise not_found("Subscription does not exist")
        return self._subscriptions[arn]

    def confirm(self, topic_arn: str, token: str) -> Subscription:
        """Confirm the subscription that was sent this token."""
        for subscription in self.get(topic_arn).subscriptions:
            if subscription.token == token:
                subscription.confirmed = True
                return subscription
        raise invalid("Token")

    def unsubscribe(self, arn: str) -> Subscription | None:
        """Forget a subscription and return it; an unknown one is no error."""
        subscription = self._subscriptions.pop(arn, None)
        if subscription is not None:
            self._topics[subscription.topic_arn].subscriptions.remove(subscription)
        return subscription
