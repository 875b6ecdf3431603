"""The send tasks. Their ``rate_limit`` is a coarse fence per worker; the governor is what governs (docs/adr)."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Protocol, TypeVar

from celery.exceptions import Ignore
from structlog.contextvars import bound_contextvars

from ems import messages
from ems.aws.sqs import OutgoingMessage
from ems.sending.dead_letters import GivesUp
from ems.sending.outcomes import Delivery
from ems.sending.payloads import ChunkPayload, SinglePayload
from ems.tasks.base import EmsTask, or_postponed

REVOKED = "its task was revoked"

Payload = TypeVar("Payload", SinglePayload, ChunkPayload)
Payload_contra = TypeVar("Payload_contra", contravariant=True)


class Delivers(GivesUp[Payload_contra], Protocol[Payload_contra]):
    """Who sends mails, and ends those that shall not be sent."""

    def deliver(self, payload: Payload_contra, /) -> Delivery:
        """Send what is not sent yet."""


class SendTask(EmsTask):
    """A task that carries mails, and answers for each of them whatever becomes of the task."""

    abstract = True

    def carry(self, deliveries: Delivers[Payload], payload: Payload) -> None:
        """Deliver *payload*; when somebody revoked the task, end it instead, as failed.

        Raises:
            Ignore: It was revoked: Celery acknowledges the message and Flower goes on showing that.
            UnavailableError: SQS does not take the copy that is to wait; the message itself comes back.
        """
        if not self.request.get(messages.REVOKED_HEADER):
            self.conclude(or_postponed(deliveries.deliver, payload), payload.message)
            return
        given_up = or_postponed(partial(deliveries.give_up, reason=REVOKED), payload)
        self.conclude(given_up, lambda: _revoked(payload.message()))
        raise Ignore


class DeliverEmail(SendTask):
    """Deliver one single mail."""

    name = messages.DELIVER_EMAIL

    def prepare(self) -> None:
        """Make what the first run would have to make."""
        super().prepare()
        _ = self.services.email_delivery
        self.services.governor.prepare()

    def run(self, *, mail: Mapping[str, Any], **_future: Any) -> None:
        """Deliver *mail*, a :class:`SinglePayload` as JSON."""
        payload = SinglePayload.of(mail)
        with bound_contextvars(request_id=payload.request_id, email_id=payload.email_id):
            self.carry(self.services.email_delivery, payload)


class DeliverChunk(SendTask):
    """Deliver one chunk of a batch."""

    name = messages.DELIVER_CHUNK

    def prepare(self) -> None:
        """Make what the first run would have to make."""
        super().prepare()
        _ = self.services.chunk_delivery

    def run(self, *, chunk: Mapping[str, Any], **_future: Any) -> None:
        """Deliver *chunk*, a :class:`ChunkPayload` as JSON."""
        payload = ChunkPayload.of(chunk)
        with bound_contextvars(request_id=payload.request_id, batch_id=payload.batch_id, chunk=payload.chunk):
            self.carry(self.services.chunk_delivery, payload)


def _revoked(message: OutgoingMessage) -> OutgoingMessage:
    """Mark a copy: Celery knows a revoked task by its id, and the copy has another."""
    return replace(message, body=messages.with_header(message.body, messages.REVOKED_HEADER, True))  # noqa: FBT003
