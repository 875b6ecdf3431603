"""The queues, one sentence each.

Every queue has a dead-letter queue, named by :func:`dead_letter`. ``tests/unit/test_queues.py`` fails when a queue
has neither a worker in the Procfile nor the drainer.
"""

TRIGGER = "email-trigger"
"""What the senders send now: single mails and the campaign chunks that the drainer released."""

WAIT = "email-wait"
"""Campaign chunks that wait for their turn; read by the drainer alone, never by a Celery worker."""

EVENTS = "email-events"
"""SES events from the webhook, and from SNS itself where the topic is subscribed to the queue."""

CONTROL = "ems-control"
"""The drainer's ticks and the housekeeping that beat schedules."""

WEBHOOKS = "ems-webhooks"
"""The rounds to the backend's endpoints: apart from all else, since foreign servers may be slow."""

CELERY_QUEUES = (TRIGGER, EVENTS, CONTROL, WEBHOOKS)
ALL_QUEUES = (TRIGGER, WAIT, EVENTS, CONTROL, WEBHOOKS)

MAX_RECEIVES = 5
"""After so many receives a message is poison and goes to the dead-letter queue."""

RENEWED_FROM = 3
"""From this receive on, whoever gives a message back that did nothing wrong puts a copy in its place: the copy starts
to count anew, so that neither deploys nor outages make poison of it. Before, making it visible again costs one call."""


def dead_letter(queue: str) -> str:
    """Name the queue that takes *queue*'s poison messages."""
    return f"{queue}-dlq"
