"""From the body of an SQS message to the payload that kombu's virtual transports pass on.

Three kinds of body arrive: kombu's JSON envelope (from EMS's publisher and from this transport), the same in base64
(from kombu's own SQS transport), and bodies from outside, such as SNS notifications of SES events. A queue may name
the task that takes bodies from outside; everywhere else they are refused before Celery sees them, since Celery would
write the body to its log and acknowledge it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from ems import messages
from ems.messages import RefusedMessageError

Payload = dict[str, Any]


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
    envelope = messages.envelope_of(received.body)
    if envelope is not None:
        messages.check_task(envelope, tasks=tasks)
        return _stamped(envelope, received)
    if outside_task is None:
        raise RefusedMessageError("it is not in Celery's message format")
    return _stamped(_task_for(received, queue=queue, task=outside_task), received)


def broadcast_payload(received: Received) -> Payload:
    """Make the payload of a control message, a reply or a batch of events.

    Raises:
        RefusedMessageError: The body is not in kombu's format.
    """
    envelope = messages.envelope_of(received.body)
    if envelope is None:
        raise RefusedMessageError("it is not in kombu's message format")
    messages.content_of(envelope)
    return _stamped(envelope, received)


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
