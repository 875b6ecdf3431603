"""ReceiveMessage, with patience for everything that can go wrong between two answers."""

import logging
import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ems.broker.envelopes import Received
from ems.broker.shared import Shared

logger = logging.getLogger(__name__)


class Patience:
    """Pauses after failures: 1, 2, 4 ... up to 15 seconds, and back to 1 after a success."""

    LONGEST = 15.0

    def __init__(self, sleep: Callable[[float], object] = time.sleep) -> None:
        self._sleep = sleep
        self._next = 1.0

    def succeeded(self) -> None:
        """Start over."""
        self._next = 1.0

    def failed(self) -> None:
        """Pause."""
        self._sleep(self._next)
        self._next = min(self._next * 2, self.LONGEST)


class Receiver:
    """Receives from one queue. Failures are logged and waited out, since SQS keeps the messages.

    ``visibility_timeout`` in seconds hides what is received from others; None leaves that to the queue.
    """

    def __init__(
        self, shared: Shared, queue: str, *, visibility_timeout: int | None, patience: Patience | None = None
    ) -> None:
        self._shared = shared
        self._queue = queue
        self._options: dict[str, Any] = {} if visibility_timeout is None else {"VisibilityTimeout": visibility_timeout}
        self._patience = patience or Patience()
        shared.readings.began(queue)

    def receive(self, count: int, *, wait_seconds: int) -> list[Received]:
        """Receive up to *count* messages (at most 10), waiting up to *wait_seconds* (at most 20) for the first."""
        try:
            messages = self._receive(count, wait_seconds)
        except self._shared.sqs.exceptions.QueueDoesNotExist:
            self._look_again()
            return []
        except (BotoCoreError, ClientError) as error:
            logger.warning("cannot receive from %s, trying again: %s", self._queue, error)
            self._patience.failed()
            return []
        self._patience.succeeded()
        return messages

    def _receive(self, count: int, wait_seconds: int) -> list[Received]:
        url = self._shared.queue_url(self._queue)
        answer = self._shared.sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=count,
            WaitTimeSeconds=wait_seconds,
            MessageSystemAttributeNames=["ApproximateReceiveCount", "SentTimestamp"],
            **self._options,
        )
        messages = answer.get("Messages", [])
        sent_at = (int(message["Attributes"]["SentTimestamp"]) / 1000 for message in messages)
        self._shared.readings.polled(self._queue, sent_at)
        return [
            Received(
                message_id=message["MessageId"],
                receipt_handle=message["ReceiptHandle"],
                body=message["Body"],
                queue_url=url,
                receives=int(message["Attributes"]["ApproximateReceiveCount"]),
            )
            for message in messages
        ]

    def _look_again(self) -> None:
        """Open a temporary queue anew; wait for somebody to make a working queue."""
        if self._queue not in self._shared.temporary:
            logger.warning("queue %s does not exist, trying again; `ems provision` makes it", self._queue)
            self._shared.forget_url(self._queue)
            self._patience.failed()
            return
        logger.warning("the temporary queue of %s is gone, opening a new one", self._queue)
        try:
            self._shared.temporary.reopen(self._queue)
        except (BotoCoreError, ClientError) as error:
            logger.warning("could not open a new temporary queue for %s: %s", self._queue, error)
        self._patience.failed()
