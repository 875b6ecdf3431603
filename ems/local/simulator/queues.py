"""SNS to SQS: messages for one queue travel ten at a time, over the standard AWS environment."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from ems.local.simulator.options import REGION

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

logger = logging.getLogger(__name__)

BATCH = 10
BATCH_BYTES = 250_000
RETRY_SECONDS = (0.2, 1.0, 3.0)


@dataclass(frozen=True, slots=True, eq=False)
class QueueMessage:
    """One message on its way; ``done`` learns whether SQS took it."""

    body: str
    attributes: dict[str, dict[str, str]]
    done: asyncio.Future[bool]


class Queues:
    """One line of messages for each queue, so that they arrive about in order."""

    def __init__(self, executor: Executor, *, client: Callable[[], "SQSClient"] | None = None) -> None:
        self._executor = executor
        self._make_client = client or (lambda: boto3.client("sqs", region_name=REGION))
        self._client: SQSClient | None = None
        self._lines: dict[str, asyncio.Queue[QueueMessage]] = {}
        self._workers: set[asyncio.Task[None]] = set()
        self._urls: dict[str, str] = {}

    def send(self, queue_arn: str, message: QueueMessage) -> None:
        """Put a message in the line of its queue."""
        if queue_arn not in self._lines:
            self._lines[queue_arn] = asyncio.Queue()
            self._workers.add(asyncio.create_task(self._work(queue_arn)))
        self._lines[queue_arn].put_nowait(message)

    def close(self) -> None:
        """Stop working; messages in line are lost, as the simulator's whole state is."""
        for worker in self._workers:
            worker.cancel()

    async def _work(self, queue_arn: str) -> None:
        line = self._lines[queue_arn]
        while True:
            batch = [await line.get()]
            size = len(batch[0].body)
            while len(batch) < BATCH and size < BATCH_BYTES and not line.empty():
                batch.append(line.get_nowait())
                size += len(batch[-1].body)
            for part in _fitting(batch):
                await self._deliver(queue_arn, part)

    async def _deliver(self, queue_arn: str, batch: list[QueueMessage]) -> None:
        loop = asyncio.get_running_loop()
        for pause in (*RETRY_SECONDS, None):
            try:
                failed = await loop.run_in_executor(self._executor, self._send_batch, queue_arn, batch)
            except (BotoCoreError, ClientError) as error:
                logger.warning("SNS cannot reach queue %s: %s", queue_arn, error)
                failed = set(range(len(batch)))
            for index, message in enumerate(batch):
                if index not in failed and not message.done.done():
                    message.done.set_result(True)
            batch = [batch[index] for index in sorted(failed)]
            if not batch or pause is None:
                break
            await asyncio.sleep(pause)
        for message in batch:
            message.done.set_result(False)

    def _send_batch(self, queue_arn: str, batch: list[QueueMessage]) -> set[int]:
        """Send, in a thread; return the places in *batch* that SQS refused."""
        if self._client is None:
            self._client = self._make_client()
        if queue_arn not in self._urls:
            self._urls[queue_arn] = self._client.get_queue_url(QueueName=queue_arn.rpartition(":")[2])["QueueUrl"]
        entries: list[Any] = [
            {"Id": str(index), "MessageBody": message.body, "MessageAttributes": message.attributes}
            for index, message in enumerate(batch)
        ]
        answer = self._client.send_message_batch(QueueUrl=self._urls[queue_arn], Entries=entries)
        return {int(refused["Id"]) for refused in answer.get("Failed", [])}


def _fitting(batch: list[QueueMessage]) -> Iterator[list[QueueMessage]]:
    """Cut off a last message that would make the request too large."""
    if len(batch) > 1 and sum(len(message.body) for message in batch) > BATCH_BYTES:
        yield batch[:-1]
        yield batch[-1:]
    else:
        yield batch
