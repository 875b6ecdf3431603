"""Whether a chunk that reached a sender may go out now."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from ems.sending.outcomes import Delivery, Finished, Postponed
from ems.sending.payloads import ChunkPayload
from ems.sending.ports import ChunkParking
from ems.store.batches import BatchStore

log = structlog.get_logger()

ACCEPTING_SECONDS = 5
"""When to look again at a chunk whose batch is still being accepted."""


@dataclass(frozen=True, slots=True)
class Passed:
    """The chunk is the sender's to work on; of a cancelled batch, only to settle what is or was left in doubt."""

    cancelled: bool


class Gate:
    """Stops chunks of batches that must not be sent now. *clock* gives epoch seconds."""

    def __init__(self, batches: BatchStore, parking: ChunkParking, *, clock: Callable[[], float] = time.time) -> None:
        self._batches = batches
        self._parking = parking
        self._clock = clock

    def check(self, chunk: ChunkPayload, *, sending: bool = True) -> Passed | Delivery:
        """Let a chunk pass, or say what became of its message; a batch that is held stops only *sending*.

        A chunk that is done and waits for its doubts passes: while they are parked nobody could decide about them.

        Raises:
            UnavailableError: DynamoDB cannot be reached.
        """
        batch = self._batches.get(chunk.batch_id)
        if batch is None or batch.state == "abandoned":
            log.warning("chunk without an accepted batch dropped", batch_id=chunk.batch_id, chunk=chunk.chunk)
            return Finished()
        if batch.state == "accepting":
            return Postponed(ACCEPTING_SECONDS, "the batch is still being accepted")
        if batch.state == "cancelled":
            self._batches.cancel_chunk(chunk.batch_id, chunk.chunk, len(chunk.recipients))
            return Passed(cancelled=True)
        if sending and batch.held(self._clock()) and not self._is_done(chunk):
            self._parking.park(chunk.batch_id, chunk.campaign_id, {chunk.chunk: chunk.message().body})
            return Finished()
        return Passed(cancelled=False)

    def _is_done(self, chunk: ChunkPayload) -> bool:
        key = (chunk.batch_id, chunk.chunk)
        progress = self._batches.chunks([key]).get(key)
        return progress is not None and progress.done
