"""SES events in the shape of event publishing (SES developer guide, event-publishing-retrieving-sns-contents)."""

import json
import uuid
from datetime import UTC, datetime
from typing import Any

from ems.local.simulator.mails import Mail
from ems.local.simulator.options import ACCOUNT_ID, REGION

SUBJECT = "Amazon SES Email Event Notification"
VALIDATION_TEXT = "Successfully validated SNS topic for Amazon SES event publishing."
OBJECT_KEYS = {"Rendering Failure": "failure", "DeliveryDelay": "deliveryDelay"}
"""The key of an event's own object where it is not the type in lower case."""
WITHOUT_HEADERS = frozenset({"Rendering Failure", "DeliveryDelay"})
WITHOUT_SOURCE_ARN = frozenset({"Open", "Click"})
USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
READER_IP = "192.0.2.1"


def stamp(at: float) -> str:
    """Write epoch seconds as events do: UTC with milliseconds and a Z."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def feedback_id() -> str:
    """Make a unique ``feedbackId``."""
    return f"{uuid.uuid4().hex[:16]}-{uuid.uuid4()}-000000"


def event_json(mail: Mail, kind: str, body: dict[str, Any]) -> str:
    """Serialise one event; the line break at the end is SES's own."""
    event = {"eventType": kind, "mail": _mail(mail, kind), OBJECT_KEYS.get(kind, kind.lower()): body}
    return json.dumps(event, separators=(",", ":")) + "\n"


def bounce(recipient: str, *, at: float, kind: str, subtype: str, status: str, diagnostic: str) -> dict[str, Any]:
    """Return a ``bounce`` object for one recipient."""
    bounced = {"emailAddress": recipient, "action": "failed", "status": status, "diagnosticCode": diagnostic}
    return {
        "feedbackId": feedback_id(),
        "bounceType": kind,
        "bounceSubType": subtype,
        "bouncedRecipients": [bounced],
        "timestamp": stamp(at),
        "reportingMTA": "dns; a8-50.smtp-out.amazonses.com",
    }


def complaint(recipient: str, *, at: float, feedback_type: str = "abuse", subtype: str | None = None) -> dict[str, Any]:
    """Return a ``complaint`` object for one recipient."""
    return {
        "feedbackId": feedback_id(),
        "complaintSubType": subtype,
        "complainedRecipients": [{"emailAddress": recipient}],
        "timestamp": stamp(at),
        "userAgent": "Amazon SES Mailbox Simulator",
        "complaintFeedbackType": feedback_type,
        "arrivalDate": stamp(at),
    }


def delivery(recipient: str, *, at: float, accepted_at: float) -> dict[str, Any]:
    """Return a ``delivery`` object for one recipient."""
    return {
        "timestamp": stamp(at),
        "processingTimeMillis": max(1, round((at - accepted_at) * 1000)),
        "recipients": [recipient],
        "smtpResponse": "250 2.0.0 OK",
        "reportingMTA": "a8-50.smtp-out.amazonses.com",
    }


def opened(*, at: float) -> dict[str, Any]:
    """Return an ``open`` object."""
    return {"timestamp": stamp(at), "userAgent": USER_AGENT, "ipAddress": READER_IP}


def clicked(link: str, *, at: float) -> dict[str, Any]:
    """Return a ``click`` object."""
    return {"timestamp": stamp(at), "ipAddress": READER_IP, "userAgent": USER_AGENT, "link": link, "linkTags": None}


def delayed(recipient: str, *, at: float, expires_at: float) -> dict[str, Any]:
    """Return a ``deliveryDelay`` object for one recipient."""
    diagnostic = "smtp; 421 4.4.7 Message expired: unable to deliver in 840 minutes"
    return {
        "timestamp": stamp(at),
        "delayType": "TransientCommunicationFailure",
        "expirationTime": stamp(expires_at),
        "delayedRecipients": [{"emailAddress": recipient, "status": "4.4.1", "diagnosticCode": diagnostic}],
    }


def unsubscribed(*, at: float) -> dict[str, Any]:
    """Return a ``subscription`` object: a reader who left through the List-Unsubscribe header."""
    topics = [{"topicName": "news", "subscriptionStatus": "OptOut"}]
    return {
        "contactList": "readers",
        "timestamp": stamp(at),
        "source": "UnsubscribeHeader",
        "newTopicPreferences": {"unsubscribeAll": True, "topicSubscriptionStatus": topics},
        "oldTopicPreferences": {
            "unsubscribeAll": False,
            "topicSubscriptionStatus": [{"topicName": "news", "subscriptionStatus": "OptIn"}],
        },
    }


def _mail(mail: Mail, kind: str) -> dict[str, Any]:
    described: dict[str, Any] = {
        "timestamp": stamp(mail.at),
        "source": mail.source,
        "sendingAccountId": ACCOUNT_ID,
        "messageId": mail.message_id,
        "destination": mail.recipients,
        "headersTruncated": False,
        "tags": _tags(mail, kind),
    }
    if kind not in WITHOUT_SOURCE_ARN:
        described["sourceArn"] = f"arn:aws:ses:{REGION}:{ACCOUNT_ID}:identity/{_domain(mail.source)}"
    if kind not in WITHOUT_HEADERS:
        # A templated mail's Send event comes before the subject is rendered.
        subject = None if kind == "Send" and mail.template_name else mail.subject
        described |= {"headers": _headers(mail, subject), "commonHeaders": _common_headers(mail, subject)}
    return described


def _headers(mail: Mail, subject: str | None) -> list[dict[str, str]]:
    pairs = [("From", mail.source), ("To", ", ".join(mail.to))]
    pairs += [("Cc", ", ".join(mail.cc))] if mail.cc else []
    pairs += [("Reply-To", ", ".join(mail.reply_to))] if mail.reply_to else []
    pairs += [] if subject is None else [("Subject", subject)]
    pairs += [("MIME-Version", "1.0"), ("Content-Type", 'multipart/alternative; boundary="----=_Part_1"')]
    return [{"name": name, "value": value} for name, value in (*pairs, *mail.headers)]


def _common_headers(mail: Mail, subject: str | None) -> dict[str, Any]:
    common: dict[str, Any] = {"from": [mail.source], "to": mail.to, "messageId": mail.message_id}
    if mail.cc:
        common["cc"] = mail.cc
    if mail.reply_to:
        common["replyTo"] = mail.reply_to
    if subject is not None:
        common["subject"] = subject
    return common


def _tags(mail: Mail, kind: str) -> dict[str, list[str]]:
    tags = {
        **mail.tags,
        "ses:operation": [mail.operation],
        "ses:configuration-set": [mail.configuration_set or ""],
        "ses:source-ip": ["127.0.0.1"],
        "ses:from-domain": [_domain(mail.source)],
        "ses:caller-identity": ["ems"],
    }
    if kind == "Delivery":
        tags["ses:outgoing-ip"] = ["192.0.2.50"]
    return tags


def _domain(source: str) -> str:
    return source.rpartition("@")[2].rstrip("> ")
