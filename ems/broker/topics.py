"""Fanout exchanges as SNS topics, made when they are first used."""

import logging
import threading
from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from ems.broker import names
from ems.broker.batching import Batcher

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")

BATCH = 10
"""Entries that one PublishBatch takes."""

BATCH_BYTES = 250_000
"""SNS takes 262,144 bytes for all entries of a batch together."""

EVENT_LINGER_SECONDS = 0.5
"""Events are for people to look at: half a second late costs nobody anything and saves nine calls in ten."""


class Topics:
    """The SNS topics behind fanout exchanges."""

    def __init__(self, sns: "SNSClient") -> None:
        self._sns = sns
        self._arns: dict[str, str] = {}
        self._lock = threading.Lock()

    def arn(self, exchange: str) -> str:
        """Return the topic's ARN; creates the topic unless it is there (CreateTopic is idempotent)."""
        with self._lock:
            if exchange not in self._arns:
                self._arns[exchange] = self._sns.create_topic(Name=names.topic_name(exchange))["TopicArn"]
            return self._arns[exchange]

    def publish(self, exchange: str, body: str) -> None:
        """Send one message to every subscriber."""
        self._on_topic(exchange, lambda arn: self._sns.publish(TopicArn=arn, Message=body))

    def publish_batch(self, exchange: str, bodies: list[str]) -> int:
        """Send up to ten messages to every subscriber; return how many SNS refused."""
        entries = [{"Id": str(i), "Message": body} for i, body in enumerate(bodies)]
        answer = self._on_topic(
            exchange,
            lambda arn: self._sns.publish_batch(TopicArn=arn, PublishBatchRequestEntries=entries),  # type: ignore[arg-type]
        )
        return len(answer.get("Failed", []))

    def subscribe(self, exchange: str, queue_arn: str) -> None:
        """Let the queue receive what is published, without SNS's own envelope."""
        self._on_topic(
            exchange,
            lambda arn: self._sns.subscribe(
                TopicArn=arn, Protocol="sqs", Endpoint=queue_arn, Attributes={"RawMessageDelivery": "true"}
            ),
        )

    def unsubscribe(self, exchange: str, lost: Callable[[str], bool]) -> None:
        """Remove the subscriptions of queues whose SQS name is *lost*."""
        pages = self._sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=self.arn(exchange))
        for page in pages:
            for subscription in page["Subscriptions"]:
                if subscription["Protocol"] == "sqs" and lost(subscription["Endpoint"].rsplit(":", 1)[-1]):
                    self._sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])

    def _on_topic(self, exchange: str, call: Callable[[str], Answer]) -> Answer:
        """Call with the topic's ARN; once more with a new topic when somebody deleted the one we know."""
        try:
            return call(self.arn(exchange))
        except self._sns.exceptions.NotFoundException:
            with self._lock:
                self._arns.pop(exchange, None)
            return call(self.arn(exchange))


class EventOutbox:
    """Publishes task and worker events from a thread, ten to a call, so that they hold up no task.

    Events inform; they are not part of any promise. When SNS refuses them they are dropped and counted in the log.
    """

    def __init__(self, topics: Topics) -> None:
        self._topics = topics
        self._batcher = Batcher(self._publish, size=BATCH, linger=EVENT_LINGER_SECONDS, name="ems-broker-events")

    def add(self, exchange: str, body: str) -> None:
        """Publish within half a second."""
        self._batcher.add((exchange, body))

    def flush(self) -> bool:
        """Wait until everything handed in is published or dropped."""
        return self._batcher.flush()

    def _publish(self, batch: list[tuple[str, str]]) -> None:
        by_exchange: defaultdict[str, list[str]] = defaultdict(list)
        for exchange, body in batch:
            by_exchange[exchange].append(body)
        for exchange, bodies in by_exchange.items():
            for some in _within_bytes(bodies):
                try:
                    refused = self._topics.publish_batch(exchange, some)
                except (BotoCoreError, ClientError) as error:
                    logger.warning("dropped %d event messages: %s", len(some), error)
                else:
                    if refused:
                        logger.warning("SNS refused %d of %d event messages", refused, len(some))


def _within_bytes(bodies: list[str]) -> list[list[str]]:
    """Split so that each part stays within what one PublishBatch takes."""
    parts: list[list[str]] = [[]]
    size = 0
    for body in bodies:
        length = len(body.encode())
        if parts[-1] and size + length > BATCH_BYTES:
            parts.append([])
            size = 0
        parts[-1].append(body)
        size += length
    return parts
