"""Queues that live as long as their consumer: mailboxes for remote control, event streams, replies.

SQS deletes no queue by itself, and a consumer that was killed cannot. So each queue carries a tag that says until when
its consumer vouches for it. Living consumers renew the tag well before; whoever starts a consumer, and every consumer
now and then, deletes the queues whose time is over together with their subscriptions. A living queue is never taken:
its tag always lies ahead, and a consumer that slept through its own time opens a new queue.

SQS and SNS show some things late: a sweep may miss a queue that is just made and take its subscription for a dead one.
So a living consumer subscribes again whenever it renews its tag, which changes nothing where nothing is amiss.
"""

import atexit
import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from ems.broker import names
from ems.broker.topics import Topics

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

logger = logging.getLogger(__name__)

ALIVE_UNTIL_TAG = "ems:alive-until"
CONSUMER_TAG = "ems:consumer"

VOUCH_SECONDS = 900
RENEW_SECONDS = 120
RENEWALS_PER_SWEEP = 15

RETENTION_SECONDS = 300
"""Nobody wants to see an event, or to obey a command, that is older."""


@dataclass(slots=True)
class _Open:
    name: str
    url: str
    arn: str
    exchanges: set[str] = field(default_factory=set)


class TemporaryQueues:
    """The temporary queues of this process, by the name that Celery gave them."""

    def __init__(self, sqs: "SQSClient", topics: Topics, *, now: Callable[[], float]) -> None:
        self._sqs = sqs
        self._topics = topics
        self._now = now
        self._open: dict[str, _Open] = {}
        self._lock = threading.RLock()
        self._keeper: threading.Thread | None = None
        self._finished = threading.Event()

    def __contains__(self, queue: object) -> bool:
        return queue in self._open

    def url(self, queue: str) -> str:
        """Return the URL of an open queue.

        Raises:
            KeyError: This process has no such queue open.
        """
        return self._open[queue].url

    def open(self, queue: str) -> None:
        """Create the queue unless this process has it open."""
        with self._lock:
            if queue not in self._open:
                self._open[queue] = self._create(queue)
                self._keep()

    def subscribe(self, queue: str, exchange: str) -> None:
        """Let the open queue receive what is published to the exchange; clears away dead subscribers first."""
        with self._lock:
            opened = self._open[queue]
            if exchange in opened.exchanges:
                return
            try:
                self.sweep(exchange)
            except (BotoCoreError, ClientError) as error:
                logger.warning("could not clear away dead consumers of %s: %s", exchange, error)
            self._connect(opened, exchange)

    def reopen(self, queue: str) -> None:
        """Replace an open queue that somebody deleted, with its subscriptions; whoever comes second finds it done."""
        with self._lock:
            before = self._open.get(queue)
            if before is None or self._exists(before.name):
                return
            after = self._create(queue)
            for exchange in before.exchanges:
                self._connect(after, exchange)
            self._open[queue] = after

    def close(self, queue: str) -> None:
        """Delete the queue and its subscriptions; a failure is left to the sweep of another consumer."""
        with self._lock:
            opened = self._open.pop(queue, None)
        if opened is None:
            return
        try:
            for exchange in opened.exchanges:
                self._topics.unsubscribe(exchange, lambda name: name == opened.name)
            self._sqs.delete_queue(QueueUrl=opened.url)
        except (BotoCoreError, ClientError) as error:
            logger.warning("temporary queue %s is left behind for the next sweep: %s", opened.name, error)

    def close_all(self) -> None:
        """Delete every queue that this process has open."""
        self._finished.set()
        for queue in list(self._open):
            self.close(queue)

    def sweep(self, exchange: str) -> None:
        """Delete queues whose consumer no longer vouches for them, and subscriptions whose queue is gone."""
        now = self._now()
        pages = self._sqs.get_paginator("list_queues").paginate(QueueNamePrefix=names.PREFIX)
        for page in pages:
            for url in page.get("QueueUrls", []):
                self._delete_if_over(url, now)
        self._topics.unsubscribe(exchange, lambda name: name.startswith(names.PREFIX) and not self._exists(name))

    def renew(self) -> None:
        """Vouch for every open queue again, and put back what was taken of one while its consumer slept.

        A failure concerns one queue; the others must not be taken for dead with it.
        """
        for queue, opened in list(self._open.items()):
            try:
                self._renew(queue, opened)
            except (BotoCoreError, ClientError) as error:
                logger.warning("could not vouch for temporary queue %s, trying again: %s", opened.name, error)

    def _renew(self, queue: str, opened: _Open) -> None:
        try:
            self._sqs.tag_queue(QueueUrl=opened.url, Tags={ALIVE_UNTIL_TAG: self._alive_until()})
        except self._sqs.exceptions.QueueDoesNotExist:
            self.reopen(queue)
            return
        for exchange in list(opened.exchanges):
            self._topics.subscribe(exchange, opened.arn)

    def _create(self, queue: str) -> _Open:
        name = names.temporary_name(queue)
        tags = {ALIVE_UNTIL_TAG: self._alive_until(), CONSUMER_TAG: queue[:256]}
        attributes = {"MessageRetentionPeriod": str(RETENTION_SECONDS)}
        url = self._sqs.create_queue(QueueName=name, Attributes=attributes, tags=tags)["QueueUrl"]  # type: ignore[arg-type]
        answer = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return _Open(name, url, answer["Attributes"]["QueueArn"])

    def _connect(self, opened: _Open, exchange: str) -> None:
        opened.exchanges.add(exchange)
        policy = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "sns.amazonaws.com"},
                    "Action": "sqs:SendMessage",
                    "Resource": opened.arn,
                    "Condition": {"ArnEquals": {"aws:SourceArn": sorted(map(self._topics.arn, opened.exchanges))}},
                }
            ],
        }
        self._sqs.set_queue_attributes(QueueUrl=opened.url, Attributes={"Policy": json.dumps(policy)})
        self._topics.subscribe(exchange, opened.arn)

    def _alive_until(self) -> str:
        return str(int(self._now()) + VOUCH_SECONDS)

    def _delete_if_over(self, url: str, now: float) -> None:
        try:
            tags = self._sqs.list_queue_tags(QueueUrl=url).get("Tags", {})
            if float(tags.get(ALIVE_UNTIL_TAG, "inf")) < now:
                self._sqs.delete_queue(QueueUrl=url)
                logger.info("deleted temporary queue %s: its consumer is gone", url.rsplit("/", 1)[-1])
        except self._sqs.exceptions.QueueDoesNotExist:
            return  # another sweep was faster

    def _exists(self, name: str) -> bool:
        try:
            self._sqs.get_queue_url(QueueName=name)
        except self._sqs.exceptions.QueueDoesNotExist:
            return False
        return True

    def _keep(self) -> None:
        if self._keeper is None:
            self._keeper = threading.Thread(target=self._keep_open, name="ems-broker-keeper", daemon=True)
            self._keeper.start()
            atexit.register(self.close_all)

    def _keep_open(self) -> None:
        renewals = 0
        while not self._finished.wait(RENEW_SECONDS):
            self.renew()
            renewals += 1
            if renewals % RENEWALS_PER_SWEEP == 0:
                self._sweep_all()

    def _sweep_all(self) -> None:
        try:
            for exchange in {e for opened in list(self._open.values()) for e in opened.exchanges}:
                self.sweep(exchange)
        except (BotoCoreError, ClientError) as error:
            logger.warning("could not clear away dead consumers, trying again: %s", error)
