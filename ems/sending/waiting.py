"""Where the chunks of an accepted batch wait for their turn.

``email-wait`` is one queue, and SQS gives what it gives: whoever stands behind a million stands behind a million. So it
belongs to one campaign at a time, and the chunks of any other are parked, where the drainer can take them in turn. Who
holds the queue is known by a record that the first comer writes and the drainer removes; wrong knowledge costs a
campaign its fair turn for as long as it lasts, or a few writes, never a mail and never an idle line.
"""

import time
from collections.abc import Callable, Iterable, Sequence

from ems import queues
from ems.sending.payloads import ChunkPayload
from ems.sending.ports import ChunkParking, QueueSender
from ems.store.batches import Batch


class WaitingRoom:
    """Puts accepted chunks where they wait. *clock* gives epoch seconds."""

    def __init__(self, queue: QueueSender, parking: ChunkParking, *, clock: Callable[[], float] = time.time) -> None:
        self._queue = queue
        self._parking = parking
        self._clock = clock

    def admit(self, batch: Batch, chunks: Iterable[ChunkPayload]) -> None:
        """Make all *chunks* of *batch* durable, in the queue or parked.

        Raises:
            UnavailableError: SQS or DynamoDB did not take all of them; what was taken is not sent before the batch is
                accepted.
        """
        first, rest = _parted(chunks, batch)
        if not batch.held(self._clock()) and self._parking.claim_queue(batch.campaign_id):
            self._queue.send(queues.WAIT, [chunk.message() for chunk in first])
        else:
            self._park(batch, first)
        self._park(batch, rest)

    def _park(self, batch: Batch, chunks: Sequence[ChunkPayload]) -> None:
        if chunks:
            bodies = {chunk.chunk: chunk.message().body for chunk in chunks}
            self._parking.park(batch.batch_id, batch.campaign_id, bodies)


def _parted(chunks: Iterable[ChunkPayload], batch: Batch) -> tuple[list[ChunkPayload], list[ChunkPayload]]:
    """Part what may go from what waits for the canary: parked at once, it costs nobody anything until then."""
    parts: tuple[list[ChunkPayload], list[ChunkPayload]] = ([], [])
    for chunk in chunks:
        parts[batch.waits_for_canary(chunk.chunk)].append(chunk)
    return parts
