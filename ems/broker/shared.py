"""What all broker connections of one process share: AWS clients, queue URLs, acknowledgements, events."""

import logging
import os
import threading
import time
from functools import lru_cache
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from ems import queues
from ems.aws import clients
from ems.broker import names
from ems.broker.acks import Acknowledger
from ems.broker.envelopes import Received
from ems.broker.readings import Readings
from ems.broker.temporary import TemporaryQueues
from ems.broker.topics import EventOutbox, Topics
from ems.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient

logger = logging.getLogger(__name__)


class Shared:
    """The process's side of the broker. Thread-safe."""

    def __init__(self, sqs: "SQSClient", sns: "SNSClient") -> None:
        self.sqs = sqs
        self.topics = Topics(sns)
        self.temporary = TemporaryQueues(sqs, self.topics, now=time.time)
        self.acks = Acknowledger(sqs)
        self.events = EventOutbox(self.topics)
        self.readings = Readings()
        self._urls: dict[str, str] = {}

    def queue_url(self, queue: str) -> str:
        """Find a queue by the name that Celery gave it.

        Raises:
            botocore.errorfactory.QueueDoesNotExist: There is none. ``ems provision`` makes the working queues; this
                transport never does, since their dead-letter queues and timeouts belong to them.
        """
        if queue in self.temporary:
            return self.temporary.url(queue)
        if names.is_reply_queue(queue):
            return self.sqs.get_queue_url(QueueName=names.temporary_name(queue))["QueueUrl"]
        if queue not in self._urls:
            self._urls[queue] = self.sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        return self._urls[queue]

    def forget_url(self, queue: str) -> None:
        """Look the queue up again next time: it is not where it was."""
        self._urls.pop(queue, None)

    def give_back(self, received: Received) -> None:
        """Let SQS deliver a message again at once that nobody has tried; a failure only delays it.

        One that was given back before is replaced by a copy, so that workers which end one after the other, as in a
        deploy, do not make poison of it. A crash between the two steps leaves both.
        """
        try:
            if received.receives < queues.RENEWED_FROM:
                self.sqs.change_message_visibility(
                    QueueUrl=received.queue_url, ReceiptHandle=received.receipt_handle, VisibilityTimeout=0
                )
            else:
                self.sqs.send_message(QueueUrl=received.queue_url, MessageBody=received.body)
                self.sqs.delete_message(QueueUrl=received.queue_url, ReceiptHandle=received.receipt_handle)
        except (BotoCoreError, ClientError) as error:
            logger.warning("message %s comes back only after its visibility timeout: %s", received.message_id, error)


_lock = threading.Lock()


def shared() -> Shared:
    """Return this process's instance, made from the environment at the first connection.

    A forked child gets its own: neither its parent's threads nor its parent's sockets are any use to it.
    """
    with _lock:
        return _shared_of(os.getpid())


@lru_cache(maxsize=1)
def _shared_of(_process: int) -> Shared:
    settings = Settings.from_environment()
    return Shared(clients.sqs(settings), clients.sns(settings))
