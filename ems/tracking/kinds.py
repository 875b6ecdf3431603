"""What kind of event an event is for the statistics: finer than its type, and one of a few dozen.

A word that is none of SES's counts as ``other``, so that a mail's row and the counters stay small whatever comes.
Sources: SES developer guide, "Bounce types", "Complaint object" and "DeliveryDelay object".
"""

from collections.abc import Mapping

from ems.tracking.events import EventType, SesEvent

OTHER = "other"

BOUNCE_SUBTYPES = frozenset(
    {
        "AttachmentRejected",
        "ContentRejected",
        "CustomTimeoutExceeded",
        "General",
        "MailboxFull",
        "MessageTooLarge",
        "NoEmail",
        "OnAccountSuppressionList",
        "Suppressed",
        "Undetermined",
        "UnsubscribedRecipient",
    }
)
COMPLAINT_TYPES = frozenset({"abuse", "auth-failure", "fraud", "virus", "OnAccountSuppressionList"})
DELAY_TYPES = frozenset(
    {
        "BYOIPHostNameLookupUnavailable",
        "General",
        "InternalFailure",
        "IPFailure",
        "MailboxFull",
        "RecipientServerError",
        "SendingDeferral",
        "SpamDetected",
        "TransientCommunicationFailure",
        "Undetermined",
    }
)

HARD_BOUNCE = "hard_bounce"
SOFT_BOUNCE = "soft_bounce"
SES_UNSUBSCRIBE = "ses_unsubscribe"
"""By SES's list management, and not by the link of EMS."""

_TYPES = {
    HARD_BOUNCE: EventType.BOUNCE,
    SOFT_BOUNCE: EventType.BOUNCE,
    SES_UNSUBSCRIBE: EventType.SUBSCRIPTION,
}


def kind_of(event: SesEvent) -> str:
    """Return the kind: the type, or a word for it and, after a colon, what SES says more closely."""
    detail = event.detail
    match event.type:
        case EventType.BOUNCE:
            hardness = HARD_BOUNCE if event.hard else SOFT_BOUNCE
            return f"{hardness}:{_known(detail, 'bounce_subtype', BOUNCE_SUBTYPES)}"
        case EventType.COMPLAINT:
            name = "complaint_subtype" if "complaint_subtype" in detail else "feedback_type"
            return f"{EventType.COMPLAINT}:{_known(detail, name, COMPLAINT_TYPES)}"
        case EventType.DELIVERY_DELAY:
            return f"{EventType.DELIVERY_DELAY}:{_known(detail, 'delay_type', DELAY_TYPES)}"
        case EventType.SUBSCRIPTION:
            return SES_UNSUBSCRIBE if detail.get("unsubscribed") is True else EventType.SUBSCRIPTION.value
        case _:
            return event.type.value


def type_of(kind: str) -> EventType:
    """Return the type of the events of a kind."""
    family = kind.partition(":")[0]
    return _TYPES.get(family) or EventType(family)


def _known(detail: Mapping[str, object], name: str, words: frozenset[str]) -> str:
    value = detail.get(name)
    return value if isinstance(value, str) and value in words else OTHER
