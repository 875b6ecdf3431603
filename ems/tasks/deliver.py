"""The send tasks. Their ``rate_limit`` is a coarse fence per worker; the governor is what governs (docs/adr)."""

from collections.abc import Mapping
from typing import Any

from structlog.contextvars import bound_contextvars

from ems import messages
from ems.sending.payloads import ChunkPayload, SinglePayload
from ems.tasks.base import EmsTask, or_postponed


class DeliverEmail(EmsTask):
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
            delivery = or_postponed(self.services.email_delivery.deliver, payload)
            self.conclude(delivery, payload.message)


class DeliverChunk(EmsTask):
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
            delivery = or_postponed(self.services.chunk_delivery.deliver, payload)
            self.conclude(delivery, payload.message)
