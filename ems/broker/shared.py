"""What all broker connections of one process share: AWS clients, queue URLs, acknowledgements, events."""

import logging
import os
import threading
import time
from functools import lru_cache
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from ems.aws import clients
from ems.broker import names
from ems.broker.acks import Acknowledger
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

    def show_again(self, queue_url: str, receipt_handle: str, *, message_id: str) -> None:
        """Let SQS deliver a message again at once; a failure only delays it."""
        try:
            self.sqs.change_message_visibility(QueueUrl=queue_url, ReceiptHandle=receipt_handle, VisibilityTimeout=0)
        except (BotoCoreError, ClientError) as error:
            logger.warning("message %s comes back only after its visibility timeout: %s", message_id, error)


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
