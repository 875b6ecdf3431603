"""ReceiveMessage, with patience for everything that can go wrong between two answers."""

import logging
import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ems.aws.clients import SQS_LONG_POLL_SECONDS
from ems.broker.envelopes import Received
from ems.broker.shared import Shared

logger = logging.getLogger(__name__)

EAGER_POLL_SECONDS = 1
"""How long a poll waits that follows messages: more are likely, and what it brings is hidden for long at once."""

GUARD_SECONDS = 5
"""How long a mail waits that SQS gave to a long poll whose process is gone. More than one call to SQS ever takes."""


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

    ``visibility_timeout`` in seconds hides what is received from others; None leaves that to the queue. One thread
    polls; others may receive beside it.
    """

    def __init__(
        self,
        shared: Shared,
        queue: str,
        *,
        visibility_timeout: int | None,
        patience: Patience | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shared = shared
        self._queue = queue
        self._visibility_timeout = visibility_timeout
        self._patience = patience or Patience()
        self._clock = clock
        self._quiet = False
        shared.readings.began(queue)

    def poll(self, count: int) -> list[Received]:
        """Wait for messages as a worker does: briefly while they come, as long as SQS lets it when there were none.

        SQS answers a poll although whoever asked has died (aws-sdk-js#2350, aws-sdk-java-v2#1395), and then hides the
        message from all others. So a long poll hides what it brings for a few seconds only, and who is alive hides it
        for as long as the task may take before he passes it on.
        """
        began = self._clock()
        if self._visibility_timeout is None:
            messages = self.receive(count, wait_seconds=SQS_LONG_POLL_SECONDS)
        elif self._quiet:
            messages = self.receive(count, wait_seconds=SQS_LONG_POLL_SECONDS, visibility_timeout=GUARD_SECONDS)
            messages = self._hide(messages, self._visibility_timeout) if messages else []
        else:
            messages = self.receive(count, wait_seconds=EAGER_POLL_SECONDS)
        self._quiet = not messages
        if not messages and self._clock() - began < EAGER_POLL_SECONDS / 2:
            self._patience.failed()  # whoever answers polls at once with nothing is asked no faster for it
        return messages

    def receive(self, count: int, *, wait_seconds: int, visibility_timeout: int | None = None) -> list[Received]:
        """Receive up to *count* messages (at most 10), waiting up to *wait_seconds* (at most 20) for the first."""
        try:
            messages = self._receive(count, wait_seconds, visibility_timeout or self._visibility_timeout)
        except self._shared.sqs.exceptions.QueueDoesNotExist:
            self._look_again()
            return []
        except (BotoCoreError, ClientError) as error:
            logger.warning("cannot receive from %s, trying again: %s", self._queue, error)
            self._patience.failed()
            return []
        self._patience.succeeded()
        return messages

    def _receive(self, count: int, wait_seconds: int, visibility_timeout: int | None) -> list[Received]:
        url = self._shared.queue_url(self._queue)
        options: dict[str, Any] = {} if visibility_timeout is None else {"VisibilityTimeout": visibility_timeout}
        answer = self._shared.sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=count,
            WaitTimeSeconds=wait_seconds,
            MessageSystemAttributeNames=["ApproximateReceiveCount", "SentTimestamp"],
            **options,
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

    def _hide(self, messages: list[Received], seconds: int) -> list[Received]:
        """Hide messages for *seconds* from now; return those for which SQS did, since others will have the rest."""
        entries = [
            {"Id": str(place), "ReceiptHandle": message.receipt_handle, "VisibilityTimeout": seconds}
            for place, message in enumerate(messages)
        ]
        try:
            answer = self._shared.sqs.change_message_visibility_batch(
                QueueUrl=messages[0].queue_url,
                Entries=entries,  # type: ignore[arg-type]
            )
        except (BotoCoreError, ClientError) as error:
            logger.warning("%d messages of %s come again in a few seconds: %s", len(messages), self._queue, error)
            return []
        return [messages[int(hidden["Id"])] for hidden in answer.get("Successful", [])]

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
