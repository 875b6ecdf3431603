"""SES events as the developer guide documents them, and how EMS is told of them: by SNS to its webhook."""

import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import requests
from fakes.sns import SigningSns

BODIES: dict[str, tuple[str, dict[str, Any]]] = {
    "Send": ("send", {}),
    "Delivery": (
        "delivery",
        {
            "processingTimeMillis": 812,
            "recipients": ["TO"],
            "smtpResponse": "250 ok",
            "reportingMTA": "a8-50.example.com",
        },
    ),
    "DeliveryDelay": (
        "deliveryDelay",
        {
            "delayType": "MailboxFull",
            "expirationTime": "2030-01-01T00:00:00.000Z",
            "delayedRecipients": [{"emailAddress": "TO", "status": "4.2.2", "diagnosticCode": "smtp; 452 4.2.2 full"}],
        },
    ),
    "Open": ("open", {"ipAddress": "192.0.2.1", "userAgent": "Mozilla/5.0"}),
    "Click": (
        "click",
        {
            "ipAddress": "192.0.2.1",
            "userAgent": "Mozilla/5.0",
            "link": "https://example.com/stage",
            "linkTags": {"place": ["footer"]},
        },
    ),
    "Bounce": (
        "bounce",
        {
            "bounceType": "Permanent",
            "bounceSubType": "General",
            "bouncedRecipients": [
                {
                    "emailAddress": "TO",
                    "action": "failed",
                    "status": "5.1.1",
                    "diagnosticCode": "smtp; 550 5.1.1 unknown",
                }
            ],
            "feedbackId": "FEEDBACK",
            "reportingMTA": "dsn; a8-50.example.com",
        },
    ),
    "Complaint": (
        "complaint",
        {
            "complainedRecipients": [{"emailAddress": "TO"}],
            "feedbackId": "FEEDBACK",
            "complaintSubType": None,
            "complaintFeedbackType": "abuse",
            "userAgent": "ExampleCorp Feedback Loop (V0.01)",
        },
    ),
    "Reject": ("reject", {"reason": "Bad content"}),
    "Rendering Failure": (
        "failure",
        {"errorMessage": "Attribute 'name' is not present in the rendering data.", "templateName": "ems-x-v1"},
    ),
    "Subscription": (
        "subscription",
        {
            "contactList": "ContactList",
            "source": "UnsubscribeHeader",
            "newTopicPreferences": {"unsubscribeAll": True, "topicSubscriptionStatus": []},
            "oldTopicPreferences": {"unsubscribeAll": False, "topicSubscriptionStatus": []},
        },
    ),
}
"""By ``eventType``: the key of the event's object, and the object. TO and FEEDBACK are filled in."""

_WITHOUT_TIME = ("Send", "Reject", "Rendering Failure")


@dataclass(frozen=True)
class SentMail:
    """What an event says of its mail. ``tags`` are those that came with the sending."""

    message_id: str
    recipient: str
    tags: dict[str, str]


def event(kind: str, mail: SentMail, *, seconds: float = 0, **changes: Any) -> str:
    """Write an event as SES publishes it, *seconds* after the mail; *changes* go into the event's own object."""
    sent = datetime(2026, 11, 1, 9, tzinfo=UTC)
    key, body = BODIES[kind]
    text = json.dumps(body).replace('"TO"', json.dumps(mail.recipient)).replace("FEEDBACK", f"0100-{uuid.uuid4()}")
    own = json.loads(text)
    if kind not in _WITHOUT_TIME:
        own["timestamp"] = _iso(sent + timedelta(seconds=seconds))
    document = {
        "eventType": kind,
        "mail": {
            "timestamp": _iso(sent),
            "source": "Shop <shop@example.com>",
            "sendingAccountId": "123456789012",
            "messageId": mail.message_id,
            "destination": [mail.recipient],
            "headersTruncated": False,
            "headers": [{"name": "To", "value": mail.recipient}],
            "commonHeaders": {"from": ["shop@example.com"], "to": [mail.recipient], "messageId": mail.message_id},
            "tags": {
                "ses:operation": ["SendBulkTemplatedEmail"],
                "ses:configuration-set": ["ems"],
                **{name: [value] for name, value in mail.tags.items()},
            },
        },
        key: {**own, **changes},
    }
    return json.dumps(document) + "\n"


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


@dataclass(frozen=True)
class Webhook:
    """SNS, posting to EMS."""

    url: str
    sns: SigningSns

    def notify(self, message: str, *, version: str = "2", **changes: Any) -> requests.Response:
        """Post *message* as a signed notification with a message id of its own."""
        changes.setdefault("MessageId", str(uuid.uuid4()))
        return self.post(self.sns.notification(message, version=version, **changes))

    def post(self, body: bytes, **headers: str) -> requests.Response:
        """Post a body as SNS does."""
        kind = "SubscriptionConfirmation" if b'"SubscriptionConfirmation"' in body else "Notification"
        given = {"Content-Type": "text/plain; charset=UTF-8", "x-amz-sns-message-type": kind}
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return requests.post(f"{self.url}/webhooks/ses", data=body, headers={**given, **more}, timeout=30)
