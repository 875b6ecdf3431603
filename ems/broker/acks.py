"""Acknowledgements, ten to a DeleteMessageBatch.

One blocking DeleteMessage for each task would cap a worker at one task per round trip. A message is handed in only
after its task is done, so that what is lost here is delivered again and never the other way round.
"""

import logging
import threading
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from ems.broker.batching import Batcher

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

logger = logging.getLogger(__name__)

BATCH = 10
"""Entries that one DeleteMessageBatch takes."""

LINGER_SECONDS = 0.01
PARALLEL_CALLS = 4
"""One call of ten after the other would cap a worker at ten tasks a round trip."""

RETRY_SECONDS = (0.2, 1.0, 3.0)
"""Pauses between attempts; botocore has retried each attempt itself before."""


@dataclass(frozen=True, slots=True)
class Done:
    """A message that need not come back."""

    queue_url: str
    receipt_handle: str
    message_id: str


class Acknowledger:
    """Deletes finished messages from threads of its own."""

    def __init__(self, sqs: "SQSClient", *, retry_seconds: Iterable[float] = RETRY_SECONDS) -> None:
        self._sqs = sqs
        self._retry_seconds = tuple(retry_seconds)
        self._batcher = Batcher(
            self._delete, size=BATCH, linger=LINGER_SECONDS, name="ems-broker-acks", parallel=PARALLEL_CALLS
        )
        self._pause = threading.Event()

    def add(self, done: Done) -> None:
        """Acknowledge one message within a few milliseconds."""
        self._batcher.add(done)

    def flush(self) -> bool:
        """Wait until everything handed in is deleted or given up; False when that takes too long."""
        return self._batcher.flush()

    def _delete(self, batch: list[Done]) -> None:
        by_queue: defaultdict[str, list[Done]] = defaultdict(list)
        for done in batch:
            by_queue[done.queue_url].append(done)
        for queue_url, dones in by_queue.items():
            self._delete_from(queue_url, dones)

    def _delete_from(self, queue_url: str, dones: list[Done]) -> None:
        remaining = self._attempt(queue_url, dones)
        for seconds in self._retry_seconds:
            if not remaining:
                return
            self._pause.wait(seconds)
            remaining = self._attempt(queue_url, remaining)
        for done in remaining:
            logger.warning("message %s is done but could not be deleted; SQS will deliver it again", done.message_id)

    def _attempt(self, queue_url: str, dones: list[Done]) -> list[Done]:
        """Delete once; return what is worth another attempt."""
        entries = [{"Id": str(i), "ReceiptHandle": done.receipt_handle} for i, done in enumerate(dones)]
        try:
            answer = self._sqs.delete_message_batch(QueueUrl=queue_url, Entries=entries)  # type: ignore[arg-type]
        except self._sqs.exceptions.QueueDoesNotExist:
            return []  # nothing can come back from it
        except (BotoCoreError, ClientError) as error:
            logger.warning("could not delete %d finished messages: %s", len(dones), error)
            return dones
        again = []
        for failure in answer.get("Failed", []):
            done = dones[int(failure["Id"])]
            if failure["SenderFault"]:
                # Its visibility timeout ran out before the task was done: another worker may be at it already.
                logger.warning("message %s was done too late to be deleted: %s", done.message_id, failure["Code"])
            else:
                again.append(done)
        return again
