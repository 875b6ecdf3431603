"""Sending again to some recipients of a chunk: the new chunk that they go into, and its message."""

from dataclasses import replace

from ems import messages
from ems.sending.payloads import ChunkPayload
from ems.sending.ports import BatchReader
from ems.store import again
from ems.store.doubts import Decision
from ems.store.kept import Kept


class ChunkAgain:
    """Puts recipients of a chunk into a new one."""

    def __init__(self, store: again.Again) -> None:
        self._store = store

    def send(self, chunk: ChunkPayload, mails: again.Mails, decision: Decision) -> bool:
        """Have *mails* of *chunk* sent again, or after all.

        False when one of them has changed meanwhile, or the batch is cancelled.

        Raises:
            UnavailableError: DynamoDB cannot be reached; either all of them were moved or none.
        """
        number = self._store.new_chunk(chunk.batch_id)
        if number is None:
            return False
        wanted = {mail.email_id for mail in mails}
        recipients = tuple(
            recipient for position, recipient in enumerate(chunk.recipients) if chunk.email_id(position) in wanted
        )
        # Whoever is sent to again has passed the content guard before, or was let go by an operator.
        fresh = replace(chunk, chunk=number, recipients=recipients, duplicate_window_seconds=0)
        body = fresh.message().body
        return self._store.move(
            again.Move(chunk.batch_id, chunk.campaign_id, chunk.chunk, number, mails, body, decision)
        )


def kept_chunk(body: str) -> ChunkPayload:
    """Read the payload of a kept chunk message."""
    return ChunkPayload.of(messages.arguments_of(body)["chunk"])


def sendable_chunk(batches: BatchReader, kept: Kept, batch_id: str, chunk: int) -> ChunkPayload | None:
    """Return the kept payload of a chunk; None when it is not kept any more or the batch is cancelled."""
    batch = batches.get(batch_id)
    body = None if batch is None or batch.state == "cancelled" else kept.chunk(batch_id, chunk)
    return None if body is None else kept_chunk(body)
