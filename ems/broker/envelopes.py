"""From the body of an SQS message to the payload that kombu's virtual transports pass on.

Three kinds of body arrive: kombu's JSON envelope (from EMS's publisher and from this transport), the same in base64
(from kombu's own SQS transport), and bodies from outside, such as SNS notifications of SES events. A queue may name
the task that takes bodies from outside; everywhere else they are refused before Celery sees them, since Celery would
write the body to its log and acknowledge it.
"""

import base64
import binascii
import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from ems import messages

Payload = dict[str, Any]

NAME_SHOWN = 60
"""Characters of a strange task's name that are shown."""

_CONTENT_TYPE = "application/json"


class RefusedMessageError(Exception):
    """The body cannot become a task or a control message; says why in words that hold no part of the body."""


@dataclass(frozen=True, slots=True)
class Received:
    """One message as ReceiveMessage returned it; ``receives`` counts the deliveries, this one included."""

    message_id: str
    receipt_handle: str
    body: str
    queue_url: str
    receives: int

    def delivery_info(self, *, exchange: str, routing_key: str) -> Payload:
        """Return what an acknowledgement needs, and what a task may ask of its delivery."""
        return {
            "exchange": exchange,
            "routing_key": routing_key,
            "redelivered": self.receives > 1,
            "receives": self.receives,
            "sqs_queue": self.queue_url,
            "sqs_message_id": self.message_id,
        }


def task_payload(
    received: Received, *, queue: str, outside_task: str | None, tasks: Collection[str] | None = None
) -> Payload:
    """Make the payload of a task message.

    ``outside_task`` names the task that takes a body from outside as its keyword argument ``message``, ``tasks`` those
    that there are; None stands for any.

    Raises:
        RefusedMessageError: The body is no task message and the queue takes none from outside, or the task is unknown.
    """
    envelope = _envelope(received.body)
    if envelope is not None:
        _check_task(envelope)
        name = envelope["headers"]["task"]
        if tasks is not None and name not in tasks:
            raise RefusedMessageError(f"this release knows no task {name[:NAME_SHOWN]!r}")
        return _stamped(envelope, received)
    if outside_task is None:
        raise RefusedMessageError("it is not in Celery's message format")
    return _stamped(_task_for(received, queue=queue, task=outside_task), received)


def broadcast_payload(received: Received) -> Payload:
    """Make the payload of a control message, a reply or a batch of events.

    Raises:
        RefusedMessageError: The body is not in kombu's format.
    """
    envelope = _envelope(received.body)
    if envelope is None:
        raise RefusedMessageError("it is not in kombu's message format")
    _decoded(envelope)
    return _stamped(envelope, received)


def _envelope(body: str) -> Payload | None:
    """Read kombu's envelope, plain or in base64; None when the body is something else."""
    if not body.lstrip().startswith("{"):
        try:
            body = base64.b64decode(body, validate=True).decode()
        except ValueError:  # binascii.Error and UnicodeDecodeError are both
            return None
    try:
        envelope = json.loads(body)
    except ValueError:
        return None
    if not isinstance(envelope, dict) or not isinstance(envelope.get("body"), str):
        return None
    if not isinstance(envelope.get("headers"), dict) or not isinstance(envelope.get("properties"), dict):
        return None
    return envelope


def _decoded(envelope: Payload) -> Any:
    if envelope.get("content-type") != _CONTENT_TYPE:
        raise RefusedMessageError(f"its content type is not {_CONTENT_TYPE}")
    body = envelope["body"]
    try:
        text = base64.b64decode(body, validate=True) if envelope["properties"].get("body_encoding") else body
        return json.loads(text)
    except (binascii.Error, ValueError) as error:
        raise RefusedMessageError("its arguments are not JSON in the encoding that it names") from error


def _check_task(envelope: Payload) -> None:
    headers = envelope["headers"]
    if not isinstance(headers.get("task"), str) or not isinstance(headers.get("id"), str):
        raise RefusedMessageError("its headers name no task and id (task protocol 2)")
    match _decoded(envelope):
        case [list(), dict(), dict()]:
            return
        case _:
            raise RefusedMessageError("its arguments are not [args, kwargs, embed] (task protocol 2)")


def _task_for(received: Received, *, queue: str, task: str) -> Payload:
    # SQS keeps the message id across deliveries, so a redelivery is the same task.
    label = f"sqs={received.message_id}"
    kwargs = {"message": received.body}
    return messages.envelope(task, kwargs, task_id=received.message_id, queue=queue, label=label)


def _stamped(envelope: Payload, received: Received) -> Payload:
    properties = envelope["properties"]
    info = properties.get("delivery_info") or {}
    properties["delivery_info"] = received.delivery_info(
        exchange=str(info.get("exchange", "")), routing_key=str(info.get("routing_key", ""))
    )
    properties["delivery_tag"] = received.receipt_handle
    return envelope
