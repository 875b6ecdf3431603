"""SNS delivery to subscribers: HTTP POSTs with retries, and SQS."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import urllib3

from ems.local.simulator.envelopes import Envelopes, Publication, headers
from ems.local.simulator.queues import QueueMessage, Queues
from ems.local.simulator.topics import Subscription, Topic

logger = logging.getLogger(__name__)

THREADS = 16
RETRY_SECONDS = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""A minute in all, as SNS's default of three retries 20 s apart, but quick at first."""
TIMEOUT = urllib3.Timeout(connect=2.0, read=15.0)


class Delivery:
    """Carries publications to the subscribers of a topic, without blocking the event loop."""

    def __init__(self, envelopes: Envelopes) -> None:
        self._envelopes = envelopes
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="sns")
        self._http = urllib3.PoolManager(maxsize=THREADS, retries=False, timeout=TIMEOUT)
        self._queues = Queues(self._executor)
        self._tasks: set[asyncio.Task[bool]] = set()

    def publish(self, topic: Topic, publication: Publication) -> list[asyncio.Future[bool]]:
        """Start delivering to every confirmed subscriber; each future tells whether its subscriber took it."""
        return [
            self._to_queue(topic, subscription, publication)
            if subscription.protocol == "sqs"
            else self._start(self._to_endpoint(topic, subscription, publication))
            for subscription in topic.subscriptions
            if subscription.confirmed
        ]

    def confirm(self, kind: str, topic: Topic, subscription: Subscription) -> None:
        """Post a ``SubscriptionConfirmation`` or ``UnsubscribeConfirmation``."""
        self._start(self._post_confirmation(kind, topic, subscription))

    def close(self) -> None:
        """Give up what is under way."""
        for task in self._tasks:
            task.cancel()
        self._queues.close()
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _start(self, work: Coroutine[Any, Any, bool]) -> asyncio.Task[bool]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _to_queue(self, topic: Topic, subscription: Subscription, publication: Publication) -> asyncio.Future[bool]:
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        body = self._envelopes.notification(publication, topic, subscription).decode()
        attributes = publication.attributes if subscription.raw else {}
        self._queues.send(subscription.endpoint, QueueMessage(body, attributes, done))
        return done

    async def _to_endpoint(self, topic: Topic, subscription: Subscription, publication: Publication) -> bool:
        sent = headers("Notification", topic, subscription, message_id=publication.message_id)
        # Signed in the thread that posts, because that takes most of a millisecond.
        envelope = partial(self._envelopes.notification, publication, topic, subscription)
        return await self._post(subscription, envelope, sent)

    async def _post_confirmation(self, kind: str, topic: Topic, subscription: Subscription) -> bool:
        body = self._envelopes.confirmation(kind, topic, subscription)
        sent = headers(kind, topic, subscription, message_id=str(uuid4()))
        return await self._post(subscription, lambda: body, sent)

    async def _post(self, subscription: Subscription, body: Callable[[], bytes], sent: dict[str, str]) -> bool:
        loop = asyncio.get_running_loop()
        for pause in (*RETRY_SECONDS, None):
            status = await loop.run_in_executor(self._executor, self._post_once, subscription.endpoint, body, sent)
            if status is not None and status < HTTPStatus.INTERNAL_SERVER_ERROR:
                # A refusal is final: SNS repeats neither 4xx nor redirects.
                return HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES
            if pause is not None:
                await asyncio.sleep(pause)
        logger.warning("SNS gave up on subscription %s", subscription.arn)
        return False

    def _post_once(self, url: str, body: Callable[[], bytes], sent: dict[str, str]) -> int | None:
        """Post, in a thread; return the status, or ``None`` when there is no answer."""
        content = body()
        try:
            return self._http.request("POST", url, body=content, headers=sent, redirect=False).status
        except urllib3.exceptions.HTTPError as error:
            logger.info("SNS has no answer from %s: %s", url, error)
            return None
