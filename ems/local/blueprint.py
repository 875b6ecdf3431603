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


QUEUE_SUBSCRIPTION = {"RawMessageDelivery": "true"}
"""Attributes of a subscription of the queue of events: without SNS's envelope."""


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
    return _policy("sns.amazonaws.com", "sqs:SendMessage", queue_arn, {"ArnEquals": {"aws:SourceArn": topic_arn}})


def topic_policy(topic_arn: str) -> str:
    """Allow SES, in this account only, to publish to the topic."""
    account = topic_arn.split(":")[4]
    return _policy("ses.amazonaws.com", "sns:Publish", topic_arn, {"StringEquals": {"AWS:SourceAccount": account}})


def _policy(service: str, action: str, resource: str, condition: dict[str, dict[str, str]]) -> str:
    """Allow *service* one *action* on one *resource*, on a *condition*."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": action,
        "Resource": resource,
        "Condition": condition,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
