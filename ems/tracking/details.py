"""The few facts of an event that its timeline entry keeps: small, flat and JSON."""

from collections.abc import Mapping
from typing import Any

from ems.links import without_token

MAX_TEXT = 500
MAX_LINK = 1000

_BODY_FIELDS: Mapping[str, Mapping[str, str]] = {
    "": {"eventType": "ses_type", "notificationType": "ses_type"},
    "send": {},
    "bounce": {
        "bounceType": "bounce_type",
        "bounceSubType": "bounce_subtype",
        "reportingMTA": "reporting_mta",
        "remoteMtaIp": "remote_mta_ip",
        "feedbackId": "feedback_id",
    },
    "complaint": {
        "complaintFeedbackType": "feedback_type",
        "complaintSubType": "complaint_subtype",
        "userAgent": "user_agent",
        "feedbackId": "feedback_id",
    },
    "delivery": {
        "smtpResponse": "smtp_response",
        "processingTimeMillis": "processing_ms",
        "reportingMTA": "reporting_mta",
        "remoteMtaIp": "remote_mta_ip",
    },
    "deliveryDelay": {"delayType": "delay_type", "expirationTime": "expires", "reportingMTA": "reporting_mta"},
    "open": {"ipAddress": "ip_address", "userAgent": "user_agent"},
    "click": {"link": "link", "ipAddress": "ip_address", "userAgent": "user_agent"},
    "reject": {"reason": "reason"},
    "failure": {"errorMessage": "reason", "templateName": "template"},
    "subscription": {"contactList": "contact_list", "source": "source"},
}

_RECIPIENT_FIELDS: Mapping[str, str] = {"action": "action", "status": "status", "diagnosticCode": "diagnostic"}


def describe(name: str, body: Mapping[str, Any], recipient: Mapping[str, Any]) -> dict[str, Any]:
    """Pick what a reader of the timeline needs.

    Args:
        name: The key of the type's own object in the event; empty for a type that is not known.
        body: That object; the whole event when the type is not known.
        recipient: The recipient's own entry in it.
    """
    picked = _pick(body, _BODY_FIELDS[name]) | _pick(recipient, _RECIPIENT_FIELDS)
    if "newTopicPreferences" in body:
        picked["unsubscribed"] = _is_unsubscribe(body["newTopicPreferences"])
    return picked


def _is_unsubscribe(preferences: Any) -> bool:
    """Tell whether topic preferences leave nothing subscribed: all at once, or every topic on its own."""
    if not isinstance(preferences, Mapping):
        return False
    if preferences.get("unsubscribeAll") is True:
        return True
    topics = preferences.get("topicSubscriptionStatus")
    if not isinstance(topics, list) or not topics:
        return False
    return all(isinstance(topic, Mapping) and topic.get("subscriptionStatus") == "OptOut" for topic in topics)


def _pick(source: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    picked: dict[str, Any] = {}
    for theirs, ours in names.items():
        value = source.get(theirs)
        if isinstance(value, str):
            value = without_token(value)[:MAX_LINK] if ours == "link" else value[:MAX_TEXT]
        if isinstance(value, str | int | float):
            picked[ours] = value
    return picked
