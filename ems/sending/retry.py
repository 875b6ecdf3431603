"""Sending again to exactly those recipients of a batch that failed for a reason that may pass."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from ems.errors import ConflictError
from ems.sending.again import ChunkAgain, kept_chunk
from ems.sending.batches import accepted_batch
from ems.sending.ports import BatchReader
from ems.store.again import Again
from ems.store.doubts import Decision
from ems.store.kept import Kept
from ems.store.unresolved import Unresolved, UnresolvedChunks

RETRY = "retry"
"""What is decided when a mail is sent again after its failure."""


@dataclass(frozen=True, slots=True)
class Retry:
    """What came of a retry, in recipients: ``retried`` go out again, ``impossible`` have no payload kept any more."""

    retried: int = 0
    impossible: int = 0


class Retries:
    """Retries batches. *clock* gives epoch seconds."""

    def __init__(
        self,
        *,
        batches: BatchReader,
        unresolved: UnresolvedChunks,
        failures: Again,
        kept: Kept,
        again: ChunkAgain,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._batches = batches
        self._unresolved = unresolved
        self._failures = failures
        self._kept = kept
        self._again = again
        self._clock = clock

    def batch(self, batch_id: str, *, by: str, dry_run: bool = False) -> Retry:
        """Have a batch's failures that may pass sent again; a dry run only counts them.

        A recipient is retried in the transaction that takes it out of the failures, so repeating a call, also after a
        crash, goes on with what is left and sends nobody two mails.

        Raises:
            UnknownIdError: No batch of this id was accepted.
            ConflictError: The batch is cancelled.
            UnavailableError: DynamoDB cannot be reached; whoever was retried by then stays so.
        """
        batch = accepted_batch(self._batches, batch_id)
        if batch.state == "cancelled":
            raise ConflictError("the batch is cancelled; send to those who failed in a new request")
        decision = Decision(RETRY, by, self._clock())
        retried = impossible = 0
        for chunk in self._unresolved.of_batch(batch_id):
            body = self._kept.chunk(batch_id, chunk.chunk) if chunk.passing else None
            if body is None:
                impossible += len(chunk.passing)
            elif dry_run:
                retried += len(self._failures.failures(chunk.passing))
            else:
                retried += self._chunk(chunk, body, decision)
        return Retry(retried, impossible)

    def _chunk(self, chunk: Unresolved, body: str, decision: Decision) -> int:
        """Retry one chunk's failures; none if another call is retrying them at the same moment."""
        failures = self._failures.failures(chunk.passing)
        moved = bool(failures) and self._again.send(kept_chunk(body), failures, decision)
        return len(failures) if moved else 0
