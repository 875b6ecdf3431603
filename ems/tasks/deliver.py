"""The send tasks. Their ``rate_limit`` is a coarse fence per worker; the governor is what governs (docs/adr)."""

from collections.abc import Mapping
from typing import Any

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
        delivery = or_postponed(self.services.email_delivery.deliver, payload)
        self.conclude(delivery, payload.message, identifier=payload.email_id)


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
        delivery = or_postponed(self.services.chunk_delivery.deliver, payload)
        self.conclude(delivery, payload.message, identifier=f"{payload.batch_id}#{payload.chunk}")
