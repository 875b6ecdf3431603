"""Names of the queues that live only as long as their consumer: mailboxes, event streams and replies.

Celery's own names (``celery@host.celery.pidbox``) hold characters that SQS refuses and come back whenever a worker
restarts, while SQS refuses for 60 seconds to create a queue under the name of a deleted one
(https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html, QueueDeletedRecently).
So each such queue gets a name of its own, except the reply queue: whoever answers must be able to work it out.
"""

import hashlib
import secrets

PREFIX = "ems-tmp-"
"""Every temporary queue starts with it, so that the sweep can list them."""


def reply_queue(exchange: str, routing_key: str) -> str:
    """Name the queue that collects the replies to *routing_key*, as :meth:`kombu.pidbox.Mailbox.get_reply_queue`."""
    return f"{routing_key}.{exchange}"


def is_reply_exchange(exchange: str) -> bool:
    """Tell whether replies to remote control travel on this exchange (:class:`kombu.pidbox.Mailbox`)."""
    return exchange.startswith("reply.") and exchange.endswith(".pidbox")


def is_control_exchange(exchange: str) -> bool:
    """Tell whether remote control commands travel on this exchange."""
    return exchange.endswith(".pidbox")


def is_reply_queue(queue: str) -> bool:
    """Tell whether a queue collects replies to remote control."""
    _oid, dot, exchange = queue.partition(".")
    return bool(dot) and is_reply_exchange(exchange)


def temporary_name(queue: str) -> str:
    """Give a temporary queue its SQS name; the same again only for a reply queue."""
    digest = hashlib.sha256(queue.encode()).hexdigest()[:24]
    return f"{PREFIX}{digest}" if is_reply_queue(queue) else f"{PREFIX}{digest}-{secrets.token_hex(4)}"


def topic_name(exchange: str) -> str:
    """Give a fanout exchange its SNS topic name, which allows letters, digits, ``-`` and ``_``."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in exchange)
