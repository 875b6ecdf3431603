"""What an account needs for EMS, as data: ``ems provision`` builds it, deploy/template.yaml says the same."""

import json
from dataclasses import dataclass

from ems import queues
from ems.settings import Settings

RETENTION_SECONDS = 14 * 86_400
"""The longest that SQS keeps a message: a paused campaign must not outlive it unparked."""

EVENT_TYPES = (
    "SEND",
    "REJECT",
    "BOUNCE",
    "COMPLAINT",
    "DELIVERY",
    "OPEN",
    "CLICK",
    "RENDERING_FAILURE",
    "DELIVERY_DELAY",
    "SUBSCRIPTION",
)


@dataclass(frozen=True, slots=True)
class QueueSpec:
    """A queue and, for a dead-letter queue, nothing more; ``dead_letter`` names where its poison goes."""

    name: str
    attributes: dict[str, str]
    dead_letter: str | None = None


def queue_specs(settings: Settings) -> list[QueueSpec]:
    """List the queues, the dead-letter queues first since the others refer to them."""
    kept = {"MessageRetentionPeriod": str(RETENTION_SECONDS)}
    dead = [QueueSpec(queues.dead_letter(name), kept) for name in queues.ALL_QUEUES]
    live = [
        QueueSpec(
            name,
            {**kept, "VisibilityTimeout": str(settings.visibility_timeout_seconds)},
            dead_letter=queues.dead_letter(name),
        )
        for name in queues.ALL_QUEUES
    ]
    return dead + live


def redrive_policy(dead_letter_arn: str) -> str:
    """Return the RedrivePolicy attribute."""
    return json.dumps({"deadLetterTargetArn": dead_letter_arn, "maxReceiveCount": str(queues.MAX_RECEIVES)})


def events_queue_policy(queue_arn: str, topic_arn: str) -> str:
    """Allow the topic, and nothing else, to put SES events straight into the queue."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic_arn}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def topic_policy(topic_arn: str) -> str:
    """Allow SES, in this account only, to publish to the topic."""
    account = topic_arn.split(":")[4]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "ses.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": topic_arn,
        "Condition": {"StringEquals": {"AWS:SourceAccount": account}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
