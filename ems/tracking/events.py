"""From the JSON that SES publishes to one frozen value per recipient.

Two dialects say the same things: event publishing (``eventType``, with tags) and identity notifications
(``notificationType``, without). Source: SES developer guide, "Examples of event data" and "Notification contents".
SES may add fields and types at any time, so what is not known here is kept as a value and is never an error.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parseaddr
from enum import StrEnum
from typing import Any

from ems.tracking.details import describe

EMAIL_ID_TAG = "ems_email_id"
CAMPAIGN_ID_TAG = "ems_campaign_id"

_EVENT_PUBLISHING_GREETING = "Successfully validated SNS topic"
_NOTIFICATIONS_GREETING = "AmazonSnsSubscriptionSucceeded"


class EventType(StrEnum):
    """What an event says.

    ``not_spam`` is a complaint message that takes a complaint back. ``subscription`` comes from SES's own list
    management, ``unsubscribe`` from no SES at all: the recipient followed the link of EMS.
    """

    SEND = "send"
    DELIVERY = "delivery"
    DELIVERY_DELAY = "delivery_delay"
    OPEN = "open"
    CLICK = "click"
    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    NOT_SPAM = "not_spam"
    REJECT = "reject"
    RENDERING_FAILURE = "rendering_failure"
    SUBSCRIPTION = "subscription"
    UNSUBSCRIBE = "unsubscribe"
    UNKNOWN = "unknown"


ENGAGEMENT = (EventType.OPEN, EventType.CLICK)
"""The only events that a mail can get without end; everything else SES says a few times a mail."""


@dataclass(frozen=True, slots=True)
class _Shape:
    """Where an event type keeps its own object, its recipients in it, and whether it happens once a mail."""

    type: EventType
    body: str
    recipients: str | None = None
    once: bool = False


_SHAPES: Mapping[str, _Shape] = {
    "Send": _Shape(EventType.SEND, "send", once=True),
    "Delivery": _Shape(EventType.DELIVERY, "delivery", "recipients"),
    "DeliveryDelay": _Shape(EventType.DELIVERY_DELAY, "deliveryDelay", "delayedRecipients"),
    "Open": _Shape(EventType.OPEN, "open"),
    "Click": _Shape(EventType.CLICK, "click"),
    "Bounce": _Shape(EventType.BOUNCE, "bounce", "bouncedRecipients"),
    "Complaint": _Shape(EventType.COMPLAINT, "complaint", "complainedRecipients"),
    "Reject": _Shape(EventType.REJECT, "reject", once=True),
    "Rendering Failure": _Shape(EventType.RENDERING_FAILURE, "failure", once=True),
    "Subscription": _Shape(EventType.SUBSCRIPTION, "subscription"),
}
_UNKNOWN = _Shape(EventType.UNKNOWN, "")


@dataclass(frozen=True, slots=True)
class SesEvent:
    """One event for one recipient.

    ``at`` is in epoch seconds (0.0 when the event carries no readable time), ``key`` the same however often and by
    whichever road the event arrives, ``recipient`` lower case. ``destination`` lists all recipients of the mail: opens,
    clicks, sends and rejects do not say which of them they are about. ``hard`` marks a bounce after which the address
    is not worth another try. ``detail`` is small JSON for the timeline, ``raw`` what SES published.
    """

    type: EventType
    message_id: str
    recipient: str | None = field(repr=False)
    destination: tuple[str, ...] = field(repr=False)
    at: float
    key: str
    email_id: str | None
    campaign_id: str | None
    detail: Mapping[str, Any] = field(repr=False)
    hard: bool = False
    raw: Mapping[str, Any] = field(repr=False, compare=False, default_factory=dict)


def is_greeting(message: str | Mapping[str, Any]) -> bool:
    """Tell whether *message* is what SES posts once when a topic is set up, and no event."""
    return _greets(_document(message))


def parse(message: str | Mapping[str, Any]) -> list[SesEvent]:
    """Read what SES published: one value for each recipient that it is about, none for a set-up greeting.

    Never fails: an unknown type, a text that is no JSON and an object without a mail come back as one ``UNKNOWN``.
    """
    raw = _document(message)
    if _greets(raw):
        return []
    shape = _SHAPES.get(_text(raw.get("eventType")) or _text(raw.get("notificationType")), _UNKNOWN)
    body = raw if shape is _UNKNOWN else _mapping(raw.get(shape.body))
    listed = _entries(body.get(shape.recipients)) if shape.recipients else ()
    mail = _mapping(raw.get("mail"))
    # What names no recipient is about all of the mail; what has no mail is still an event.
    everybody: Sequence[Mapping[str, Any]] = _entries(mail.get("destination")) or [{}]
    return [_event(raw, shape, body, recipient) for recipient in listed or everybody]


def _greets(raw: Mapping[str, Any]) -> bool:
    if raw.get("notificationType") == _NOTIFICATIONS_GREETING:
        return True
    return _text(raw.get("text")).startswith(_EVENT_PUBLISHING_GREETING)


def _event(raw: Mapping[str, Any], shape: _Shape, body: Mapping[str, Any], recipient: Mapping[str, Any]) -> SesEvent:
    kind = EventType.NOT_SPAM if body.get("complaintFeedbackType") == "not-spam" else shape.type
    mail = _mapping(raw.get("mail"))
    tags = _mapping(mail.get("tags"))
    message_id = _text(mail.get("messageId"))
    address = _address(recipient.get("emailAddress"))
    happened, sent = _seconds(body.get("timestamp")), _seconds(mail.get("timestamp"))
    return SesEvent(
        type=kind,
        message_id=message_id,
        recipient=address,
        destination=tuple(a for a in map(_address, _list(mail.get("destination"))) if a is not None),
        at=next((moment for moment in (happened, sent) if moment is not None), 0.0),
        key=_key(message_id, kind, address or "", "" if shape.once else _occasion(shape, body, happened)),
        email_id=_tag(tags, EMAIL_ID_TAG),
        campaign_id=_tag(tags, CAMPAIGN_ID_TAG),
        detail=describe(shape.body, body, recipient),
        hard=shape.type is EventType.BOUNCE and _is_hard(body, recipient),
        raw=raw,
    )


def _is_hard(bounce: Mapping[str, Any], recipient: Mapping[str, Any]) -> bool:
    """A Permanent bounce may list recipients that are only delayed (the guide's own example has one, 4.0.0)."""
    if bounce.get("bounceType") != "Permanent":
        return False
    return recipient.get("action") != "delayed" and not _text(recipient.get("status")).startswith("4.")


def _occasion(shape: _Shape, body: Mapping[str, Any], happened: float | None) -> str:
    """Name this event among others of its mail, type and recipient.

    The time is compared as a number, since the dialects write it differently. A scanner follows all links of a mail
    in one millisecond, so a click is named by its link as well.
    """
    if shape is _UNKNOWN:
        return json.dumps(body, sort_keys=True)
    feedback_id = _text(body.get("feedbackId"))
    if feedback_id:
        return feedback_id
    moment = "" if happened is None else f"{happened:.3f}"
    return f"{moment} {_text(body.get('link'))}".rstrip()


def _key(*parts: str) -> str:
    digest = hashlib.blake2b("\x1f".join(parts).encode("utf-8", "surrogatepass"), digest_size=12)
    return digest.hexdigest()


def _entries(value: Any) -> list[Mapping[str, Any]]:
    """Bounces list objects; deliveries and the mail itself plain addresses."""
    return [entry if isinstance(entry, Mapping) else {"emailAddress": entry} for entry in _list(value)]


def _address(value: Any) -> str | None:
    """Lower case, as the store's keys are; SES sometimes repeats the display name that the sender gave."""
    text = _text(value).strip()
    if "<" in text:
        text = parseaddr(text)[1]
    return text.lower() or None


def _tag(tags: Mapping[str, Any], name: str) -> str | None:
    values = _list(tags.get(name))
    return _text(values[0]) or None if values else None


def _seconds(value: Any) -> float | None:
    """Read an ISO 8601 time; SES writes ``Z`` or an offset, with or without milliseconds."""
    try:
        moment = datetime.fromisoformat(_text(value))
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _document(message: str | Mapping[str, Any]) -> Mapping[str, Any]:
    if not isinstance(message, str):
        return message
    try:
        document = json.loads(message)
    except (ValueError, RecursionError):
        return {"text": message}
    return document if isinstance(document, dict) else {"text": message}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
