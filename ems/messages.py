"""The wire form of EMS's task messages: what kombu's SQS channel reads and a Celery worker runs.

EMS enqueues with SendMessageBatch (:mod:`ems.aws.sqs`) instead of ``apply_async``: ten messages a call, partial
failures visible, and no Celery in the web process. The form is Celery's task protocol 2
(https://docs.celeryq.dev/en/stable/internals/protocol.html) in kombu's virtual-transport envelope, as plain JSON.

Arguments travel as keywords only and may only grow: a worker of yesterday must run a message of today.
"""

import base64
import json
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ems import queues
from ems.errors import EmsError

DELIVER_EMAIL = "ems.deliver_email"
DELIVER_CHUNK = "ems.deliver_chunk"
TRACK_EVENT = "ems.track_event"
DRAIN = "ems.drain"
TELL_ENDPOINTS = "ems.tell_endpoints"
KEEP_HOUSE = "ems.keep_house"

QUEUE_OF_TASK = {
    DELIVER_EMAIL: queues.TRIGGER,
    DELIVER_CHUNK: queues.TRIGGER,
    TRACK_EVENT: queues.EVENTS,
    DRAIN: queues.CONTROL,
    TELL_ENDPOINTS: queues.WEBHOOKS,
    KEEP_HOUSE: queues.CONTROL,
}

CHUNK_HEADER = "ems_chunk"
"""Header by which the drainer knows a chunk without decoding its recipients."""

REVOKED_HEADER = "ems_revoked"
"""Header of a task that somebody revoked: it ends the mails that it carries, and so does a copy of it."""

NAME_SHOWN = 60
"""Characters of a strange task's name that are shown."""

_CONTENT_TYPE = "application/json"


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
        "content-type": _CONTENT_TYPE,
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


class RefusedMessageError(EmsError):
    """The body cannot become a task or a control message; says why in words that hold no part of the body."""


def envelope_of(body: str) -> dict[str, Any] | None:
    """Read kombu's envelope, plain or in base64; None when the body is something else."""
    if not body.lstrip().startswith("{"):
        try:
            body = base64.b64decode(body, validate=True).decode()
        except ValueError:  # binascii.Error and UnicodeDecodeError are both
            return None
    try:
        envelope = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(envelope, dict) or not isinstance(envelope.get("body"), str):
        return None
    if not isinstance(envelope.get("headers"), dict) or not isinstance(envelope.get("properties"), dict):
        return None
    return envelope


def content_of(envelope: Mapping[str, Any]) -> Any:
    """Decode what an envelope carries; of a task that is ``[args, kwargs, embed]``.

    Raises:
        RefusedMessageError: It is no JSON, or not in the encoding that the envelope names.
    """
    if envelope.get("content-type") != _CONTENT_TYPE:
        raise RefusedMessageError(f"its content type is not {_CONTENT_TYPE}")
    body = envelope["body"]
    try:
        text = base64.b64decode(body, validate=True) if envelope["properties"].get("body_encoding") else body
        return json.loads(text)
    except ValueError as error:  # binascii.Error is one
        raise RefusedMessageError("its arguments are not JSON in the encoding that it names") from error


def check_task(envelope: Mapping[str, Any], *, tasks: Collection[str] | None) -> None:
    """See that an envelope holds a task that a worker can run: one of *tasks*, or any when that is None.

    Raises:
        RefusedMessageError: It does not.
    """
    headers = envelope["headers"]
    name = headers.get("task")
    if not isinstance(name, str) or not isinstance(headers.get("id"), str):
        raise RefusedMessageError("its headers name no task and id (task protocol 2)")
    match content_of(envelope):
        case [list(), dict(), dict()]:
            pass
        case _:
            raise RefusedMessageError("its arguments are not [args, kwargs, embed] (task protocol 2)")
    if tasks is not None and name not in tasks:
        raise RefusedMessageError(f"this release knows no task {name[:NAME_SHOWN]!r}")


def header_of(body: str, name: str) -> Any:
    """Read one header of a message body made by :meth:`TaskMessage.body`; None when there is no such header.

    Raises:
        ValueError: The body is no JSON.
    """
    envelope = json.loads(body)
    headers = envelope.get("headers") if isinstance(envelope, dict) else None
    return headers.get(name) if isinstance(headers, dict) else None


def with_header(body: str, name: str, value: Any) -> str:
    """Add one header to a message body made by :meth:`TaskMessage.body`."""
    envelope = json.loads(body)
    envelope["headers"][name] = value
    return json.dumps(envelope, separators=(",", ":"))


def arguments_of(body: str) -> dict[str, Any]:
    """Read the keyword arguments of a message body made by :meth:`TaskMessage.body`."""
    _args, kwargs, _embed = json.loads(base64.b64decode(json.loads(body)["body"]))
    return dict(kwargs)
