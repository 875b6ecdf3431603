"""One dead letter: a message that was received five times and never done, and why."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ems import messages, queues
from ems.aws.sqs import ReceivedMessage
from ems.masking import masked
from ems.messages import RefusedMessageError
from ems.sending.payloads import ChunkLabel, ChunkPayload, SinglePayload
from ems.store.failed_runs import FailedRun

NO_FAILURE = "no failure on record: its worker died each time, or the message was not done in time"

TEXT_SHOWN = 60
ITEMS_SHOWN = 3
DEPTH_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Letter:
    """A message in the dead-letter queue of ``queue``, with the runs of its task that failed, the oldest first."""

    queue: str
    message: ReceivedMessage
    runs: Sequence[FailedRun] = ()

    @property
    def id(self) -> str:
        """What people call it by: the id of its task, or of the SQS message where there is no task."""
        return letter_id(self.message)

    @property
    def names(self) -> set[str]:
        """By what it may be asked for: the ids of its task and of its SQS message."""
        return {self.id, self.message.message_id}

    @property
    def task(self) -> str | None:
        """Name of its task; None for what is no task message."""
        return _header(self.message.body, "task")

    @property
    def about(self) -> str:
        """What it is about, by ids."""
        return masked(_header(self.message.body, "kwargsrepr") or "")[:TEXT_SHOWN]

    @property
    def reason(self) -> str:
        """Why it is here: what every worker refuses in it, or how its last run failed."""
        if self.queue == queues.WAIT and self.chunk is None:
            return "it is no chunk of a campaign; the drainer takes nothing else"
        refused = _refused(self.queue, self.message.body)
        if refused is not None:
            return refused
        return self.runs[-1].error if self.runs else NO_FAILURE

    @property
    def payload(self) -> SinglePayload | ChunkPayload | None:
        """The mails that it carries, if any can be read out of it."""
        try:
            match self.task:
                case messages.DELIVER_EMAIL:
                    return SinglePayload.of(messages.arguments_of(self.message.body)["mail"])
                case messages.DELIVER_CHUNK:
                    return ChunkPayload.of(messages.arguments_of(self.message.body)["chunk"])
        except (ValueError, TypeError, KeyError, AttributeError):
            # A foreign message, or one that somebody has damaged: that may be why it is here.
            return None
        return None

    @property
    def chunk(self) -> ChunkLabel | None:
        """The chunk that it carries, if the drainer would know it for one."""
        try:
            return ChunkLabel.of_body(self.message.body)
        except ValueError:
            return None

    @property
    def arguments(self) -> Any:
        """What its task was called with: shortened, without addresses and without data of recipients."""
        envelope = messages.envelope_of(self.message.body)
        if envelope is None:
            return shortened(self.message.body)
        try:
            content = messages.content_of(envelope)
        except RefusedMessageError:
            return None
        return shortened(content[1] if isinstance(content, list) and len(content) > 1 else content)


def letter_id(message: ReceivedMessage) -> str:
    """Name a message by its task's id, which it keeps wherever it goes, else by its own."""
    return _header(message.body, "id") or message.message_id


def shortened(value: Any, depth: int = 0) -> Any:
    """Shorten JSON for people: addresses masked, data by its names alone, long texts, lists and deep objects cut."""
    match value:
        case str() if value.lstrip().startswith("{") and (inner := _object(value)) is not None:
            return shortened(inner, depth)
        case str():
            text = masked(value)
            return text if len(text) <= TEXT_SHOWN else f"{text[:TEXT_SHOWN]}…"
        case Mapping() if depth == DEPTH_SHOWN:
            return sorted(map(str, value))
        case Mapping():
            return {name: _shortened_field(name, inner, depth) for name, inner in value.items()}
        case list():
            shown = [shortened(one, depth + 1) for one in value[:ITEMS_SHOWN]]
            return shown if len(value) <= ITEMS_SHOWN else [*shown, f"… {len(value) - ITEMS_SHOWN} more"]
        case _:
            return value


def _shortened_field(name: str, value: Any, depth: int) -> Any:
    match name, value:
        case "data", Mapping():
            return sorted(map(str, value))
        case "recipients", list():
            return f"{len(value)} recipients"
        case _:
            return shortened(value, depth + 1)


def _object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _header(body: str, name: str) -> str | None:
    envelope = messages.envelope_of(body)
    value = envelope["headers"].get(name) if envelope else None
    return value if isinstance(value, str) else None


def _refused(queue: str, body: str) -> str | None:
    """Tell why nobody who reads *queue* would take the message at all; None when somebody does."""
    envelope = messages.envelope_of(body)
    if envelope is None:
        return None if queue == queues.EVENTS else "it is not in Celery's message format"
    try:
        messages.check_task(envelope, tasks=messages.QUEUE_OF_TASK)
    except RefusedMessageError as error:
        return str(error)
    return None
