"""The wire form of EMS's task messages: what kombu's SQS channel reads and a Celery worker runs.

EMS enqueues with SendMessageBatch (:mod:`ems.aws.sqs`) instead of ``apply_async``: ten messages a call, partial
failures visible, and no Celery in the web process. The form is Celery's task protocol 2
(https://docs.celeryq.dev/en/stable/internals/protocol.html) in kombu's virtual-transport envelope, as plain JSON.

Arguments travel as keywords only and may only grow: a worker of yesterday must run a message of today.
"""

import base64
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ems import queues

DELIVER_EMAIL = "ems.deliver_email"
DELIVER_CHUNK = "ems.deliver_chunk"
TRACK_EVENT = "ems.track_event"
DRAIN = "ems.drain"

QUEUE_OF_TASK = {
    DELIVER_EMAIL: queues.TRIGGER,
    DELIVER_CHUNK: queues.TRIGGER,
    TRACK_EVENT: queues.EVENTS,
    DRAIN: queues.CONTROL,
}

CHUNK_HEADER = "ems_chunk"
"""Header by which the drainer knows a chunk without decoding its recipients."""


@dataclass(frozen=True, slots=True)
class TaskMessage:
    """One task to enqueue.

    ``label`` stands for the arguments in Flower and in logs (ids only, never addresses). ``group`` is the SQS
    MessageGroupId, which keeps one batch from starving the others (SQS fair queues).
    """

    task: str
    kwargs: Mapping[str, Any]
    label: str
    group: str | None = None
    headers: Mapping[str, Any] | None = None

    def body(self) -> str:
        """Return the SQS message body, ASCII only."""
        made = envelope(
            self.task,
            self.kwargs,
            task_id=str(uuid.uuid4()),
            queue=QUEUE_OF_TASK[self.task],
            label=self.label,
            headers=self.headers,
        )
        return json.dumps(made, separators=(",", ":"))


def envelope(
    task: str,
    kwargs: Mapping[str, Any],
    *,
    task_id: str,
    queue: str,
    label: str,
    headers: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Build what kombu's channel makes of a message: Celery's headers, the arguments in base64, where it was sent."""
    embed = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
    arguments = json.dumps([[], kwargs, embed], separators=(",", ":"))
    return {
        "body": base64.b64encode(arguments.encode()).decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {
            "lang": "py",
            "task": task,
            "id": task_id,
            "root_id": task_id,
            "parent_id": None,
            "group": None,
            "shadow": None,
            "eta": None,
            "expires": None,
            "retries": 0,
            "timelimit": [None, None],
            "argsrepr": "()",
            "kwargsrepr": label,
            "origin": "ems",
            "ignore_result": True,
            **(headers or {}),
        },
        "properties": {
            "correlation_id": task_id,
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": queue},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": str(uuid.uuid4()),
        },
    }


def header_of(body: str, name: str) -> Any:
    """Read one header of a message body made by :meth:`TaskMessage.body`; None when there is no such header.

    Raises:
        ValueError: The body is no JSON.
    """
    envelope = json.loads(body)
    headers = envelope.get("headers") if isinstance(envelope, dict) else None
    return headers.get(name) if isinstance(headers, dict) else None


def arguments_of(body: str) -> dict[str, Any]:
    """Read the keyword arguments of a message body made by :meth:`TaskMessage.body`."""
    _args, kwargs, _embed = json.loads(base64.b64decode(json.loads(body)["body"]))
    return dict(kwargs)
