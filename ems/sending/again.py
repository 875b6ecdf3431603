"""Sending again to some recipients of a chunk: the new chunk that they go into, and its message."""

from collections.abc import Sequence
from dataclasses import replace

from ems import messages
from ems.sending.payloads import ChunkPayload
from ems.store import again
from ems.store.doubts import Decision, Doubt


class ChunkAgain:
    """Puts recipients of a chunk into a new one."""

    def __init__(self, store: again.Again) -> None:
        self._store = store

    def send(self, chunk: ChunkPayload, mails: Sequence[Doubt] | Sequence[again.Failure], decision: Decision) -> bool:
        """Have *mails* of *chunk* sent again; False when one of them has changed meanwhile, or the batch is cancelled.

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
        fresh = replace(chunk, chunk=number, recipients=recipients)
        body = fresh.message().body
        return self._store.move(
            again.Move(chunk.batch_id, chunk.campaign_id, chunk.chunk, number, mails, body, decision)
        )


def kept_chunk(body: str) -> ChunkPayload:
    """Read the payload of a kept chunk message."""
    return ChunkPayload.of(messages.arguments_of(body)["chunk"])
