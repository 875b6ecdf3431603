"""SQS in batches, with the partial failures looked at."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from ems.errors import UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

Argument = TypeVar("Argument")
Answer = TypeVar("Answer")

BATCH_ENTRIES = 10
"""Entries of one SendMessageBatch or DeleteMessageBatch (SQS quota)."""

BATCH_BYTES = 256 * 1024
"""Bytes of one SendMessageBatch. AWS takes 1 MiB since 2025; older queues and third-party endpoints take this."""

MAX_DELAY_SECONDS = 900
SEND_ATTEMPTS = 3
PARALLEL_CALLS = 8


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """A message to send: ASCII body, optional MessageGroupId, DelaySeconds of 0 to 900."""

    body: str
    group: str | None = None
    delay_seconds: int = 0


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """A message in hand: invisible to others until its visibility timeout ends. ``sent_at`` is in epoch seconds."""

    message_id: str
    receipt_handle: str
    body: str
    receive_count: int
    sent_at: float = 0.0
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Depth:
    """How many messages a queue holds, as SQS approximates it."""

    visible: int
    in_flight: int
    delayed: int

    @property
    def total(self) -> int:
        """Return all messages that are not done."""
        return self.visible + self.in_flight + self.delayed


class Sqs:
    """The queue calls EMS makes. Every failure surfaces as :class:`UnavailableError`; nothing is half reported."""

    def __init__(self, client: "SQSClient") -> None:
        self._client = client
        self._urls: dict[str, str] = {}
        self._lock = Lock()

    def send(self, queue: str, messages: Sequence[OutgoingMessage]) -> None:
        """Enqueue all *messages*, up to eight calls at a time.

        Raises:
            UnavailableError: At least one message was not taken after three attempts; others may have been.
        """
        _in_parallel(lambda batch: self._send_batch(queue, batch), list(_packed(messages)))

    def receive(
        self, queue: str, *, limit: int, wait_seconds: int = 0, visibility_seconds: int | None = None
    ) -> list[ReceivedMessage]:
        """Take up to *limit* messages in hand, ten with a call and up to eight calls at a time.

        Fewer may come although more wait: SQS asks some of its servers. None come when nothing waits.
        """
        calls = [min(BATCH_ENTRIES, limit - start) for start in range(0, limit, BATCH_ENTRIES)]
        received = _in_parallel(lambda number: self._receive(queue, number, wait_seconds, visibility_seconds), calls)
        return [message for part in received for message in part]

    def _receive(
        self, queue: str, limit: int, wait_seconds: int, visibility_seconds: int | None
    ) -> list[ReceivedMessage]:
        options: dict[str, Any] = {} if visibility_seconds is None else {"VisibilityTimeout": visibility_seconds}
        url = self.url(queue)
        with _translated(f"cannot receive from {queue}"):
            answer = self._client.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=limit,
                WaitTimeSeconds=wait_seconds,
                MessageSystemAttributeNames=["ApproximateReceiveCount", "SentTimestamp", "MessageGroupId"],
                **options,
            )
        return [_received(message) for message in answer.get("Messages", [])]

    def delete(self, queue: str, messages: Sequence[ReceivedMessage]) -> None:
        """Delete what is done. A message that cannot be deleted comes again; whoever takes it must bear that."""
        url = self.url(queue)

        def delete_batch(batch: Sequence[ReceivedMessage]) -> None:
            entries = [{"Id": str(place), "ReceiptHandle": one.receipt_handle} for place, one in enumerate(batch)]
            with _translated(f"cannot delete messages of {queue}"):
                self._client.delete_message_batch(QueueUrl=url, Entries=entries)  # type: ignore[arg-type]

        starts = range(0, len(messages), BATCH_ENTRIES)
        _in_parallel(delete_batch, [messages[start : start + BATCH_ENTRIES] for start in starts])

    def show(self, queue: str, messages: Sequence[ReceivedMessage]) -> None:
        """Give messages back: they are visible again at once."""
        url = self.url(queue)
        for start in range(0, len(messages), BATCH_ENTRIES):
            entries = [
                {"Id": str(place), "ReceiptHandle": message.receipt_handle, "VisibilityTimeout": 0}
                for place, message in enumerate(messages[start : start + BATCH_ENTRIES])
            ]
            with _translated(f"cannot give messages back to {queue}"):
                self._client.change_message_visibility_batch(QueueUrl=url, Entries=entries)  # type: ignore[arg-type]

    def depth(self, queue: str) -> Depth:
        """Ask how many messages the queue holds."""
        url = self.url(queue)
        with _translated(f"cannot read the depth of {queue}"):
            attributes = self._client.get_queue_attributes(
                QueueUrl=url,
                AttributeNames=[
                    "ApproximateNumberOfMessages",
                    "ApproximateNumberOfMessagesNotVisible",
                    "ApproximateNumberOfMessagesDelayed",
                ],
            )["Attributes"]
        return Depth(
            visible=int(attributes["ApproximateNumberOfMessages"]),
            in_flight=int(attributes["ApproximateNumberOfMessagesNotVisible"]),
            delayed=int(attributes["ApproximateNumberOfMessagesDelayed"]),
        )

    def url(self, queue: str) -> str:
        """Return the queue's URL, asked for once a process."""
        with self._lock:
            known = self._urls.get(queue)
        if known is not None:
            return known
        with _translated(f"cannot find queue {queue}; has `ems provision` run?"):
            url = self._client.get_queue_url(QueueName=queue)["QueueUrl"]
        with self._lock:
            self._urls[queue] = url
        return url

    def _send_batch(self, queue: str, batch: list[OutgoingMessage]) -> None:
        url = self.url(queue)
        left = list(enumerate(batch))
        for _attempt in range(SEND_ATTEMPTS):
            with _translated(f"cannot send to {queue}"):
                answer = self._client.send_message_batch(
                    QueueUrl=url,
                    Entries=[_entry(str(place), message) for place, message in left],  # type: ignore[misc]
                )
            failed = {entry["Id"] for entry in answer.get("Failed", [])}
            if not failed:
                return
            left = [(place, message) for place, message in left if str(place) in failed]
        reasons = sorted({entry.get("Code", "unknown") for entry in answer["Failed"]})
        raise UnavailableError("SQS", f"{queue} refused {len(left)} of {len(batch)} messages ({', '.join(reasons)})")


def _in_parallel(call: Callable[[Argument], Answer], arguments: Sequence[Argument]) -> list[Answer]:
    """Make one call for each argument, up to eight at a time; the first failure is raised when all have ended."""
    if len(arguments) <= 1:
        return [call(argument) for argument in arguments]
    with ThreadPoolExecutor(max_workers=PARALLEL_CALLS) as pool:
        return list(pool.map(call, arguments))


def _received(message: "MessageTypeDef") -> ReceivedMessage:
    attributes = message.get("Attributes", {})
    return ReceivedMessage(
        message_id=message["MessageId"],
        receipt_handle=message["ReceiptHandle"],
        body=message["Body"],
        receive_count=int(attributes.get("ApproximateReceiveCount", "1")),
        sent_at=int(attributes.get("SentTimestamp", "0")) / 1000,
        group=attributes.get("MessageGroupId"),
    )


@contextmanager
def _translated(doing: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        raise UnavailableError("SQS", f"{doing} ({error.response['Error'].get('Code', 'unknown')})") from error
    except BotoCoreError as error:
        raise UnavailableError("SQS", f"{doing} ({type(error).__name__})") from error


def _entry(identifier: str, message: OutgoingMessage) -> dict[str, Any]:
    entry: dict[str, Any] = {"Id": identifier, "MessageBody": message.body}
    if message.group:
        entry["MessageGroupId"] = message.group
    if message.delay_seconds:
        entry["DelaySeconds"] = min(message.delay_seconds, MAX_DELAY_SECONDS)
    return entry


def _packed(messages: Sequence[OutgoingMessage]) -> Iterator[list[OutgoingMessage]]:
    """Fill batches up to both limits, in order. Bodies are ASCII, so characters are bytes."""
    batch: list[OutgoingMessage] = []
    size = 0
    for message in messages:
        if batch and (len(batch) == BATCH_ENTRIES or size + len(message.body) > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(message)
        size += len(message.body)
    if batch:
        yield batch
