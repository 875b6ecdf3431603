"""What lies before the senders: the chunks that were released, by how much of each is not sent yet."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import structlog

from ems import queues
from ems.governor.minute import REPORT_SECONDS
from ems.sending.ports import BatchBook, QueueGauge, SenderBook
from ems.store.batches import ChunkProgress
from ems.store.drain import Released
from ems.store.senders import process_of

log = structlog.get_logger()

Key = tuple[str, int]
"""A batch's id and the number of a chunk."""

FORGET_SECONDS = 3600
"""A chunk that was released so long ago stops counting, whatever else waits in ``email-trigger`` and hides its end."""

STILL_SECONDS = 3.0
"""A chunk that has not moved for this long makes the drainer ask whether its sender lives."""

DEAD_SECONDS = 3 * REPORT_SECONDS
"""A sender that has not reported for this long has ended, or cannot send."""


class Unsent:
    """Reads it from the chunks' own items, so nothing drifts. *clock* gives epoch seconds.

    *visibility_seconds* is after how long a message whose task failed comes back: one that was received
    ``MAX_RECEIVES`` times and never done can be in the dead-letter queue so many times later, not before.
    """

    def __init__(
        self,
        batches: BatchBook,
        senders: SenderBook,
        gauge: QueueGauge,
        *,
        visibility_seconds: float,
        clock: Callable[[], float],
    ) -> None:
        self._batches = batches
        self._senders = senders
        self._gauge = gauge
        self._silent_seconds = queues.MAX_RECEIVES * visibility_seconds
        self._clock = clock

    def count(self, released: Iterable[Released], *, parked: Collection[Key]) -> tuple[list[Released], int]:
        """Return those of *released* that are still before the senders, and how many recipients they hold unsent.

        Chunks that are *parked* again are not before the senders, nor are those of a batch that was paused or
        cancelled meanwhile: whoever takes them parks or ends them. What a dead sender has in hand is before nobody
        until SQS hands it out again; it stays on the list, and counts once another sender has taken it. Chunks whose
        messages are in ``email-trigger`` no more leave the list.

        Raises:
            UnavailableError: DynamoDB cannot be reached, or SQS where it has to be asked.
        """
        now = self._clock()
        latest = {(one.batch_id, one.chunk): one for one in released}
        batches = self._batches.get_many(batch_id for batch_id, _ in latest)
        waiting = {
            key: one
            for key, one in latest.items()
            if key not in parked
            and one.released_at > now - FORGET_SECONDS
            and (batch := batches.get(one.batch_id)) is not None
            and batch.state == "waiting"
            and not batch.held(now)
        }
        chunks = self._batches.chunks(list(waiting))
        left = self._there([one for key, one in waiting.items() if key not in chunks or not chunks[key].done], chunks)
        alive = self._alive(chunks.values())
        unsent = 0
        for one in left:
            chunk = chunks.get((one.batch_id, one.chunk))
            unsent += one.size if chunk is None else chunk.left if self._moves(chunk, alive) else 0
        return left, unsent

    def _there(self, left: Sequence[Released], chunks: Mapping[Key, ChunkProgress]) -> list[Released]:
        """Leave out chunks whose messages have died, as far as the number of messages proves it.

        The queue holds a message of each silent chunk that is to come, so when it holds fewer than there are of these,
        some are gone; nobody knows which, and the oldest are taken for them. All else in the queue makes its depth too
        large for that, so chunks that are gone may count on until the line has nearly run dry. And the depth is
        approximate (consistent a minute after the last message was sent: SQS API reference, GetQueueAttributes). One
        that is too small lets through, once in the silent time, as much again as may lie before the senders. While
        work flows no chunk is silent and nobody is asked.
        """
        heard_after = self._clock() - self._silent_seconds
        silent = [one for one in left if _last_heard(one, chunks.get((one.batch_id, one.chunk))) < heard_after]
        if not silent:
            return list(left)
        number = max(0, len(silent) - self._gauge.depth(queues.TRIGGER).total)
        if number:
            log.warning("released chunks are gone, look for dead letters", queue=queues.TRIGGER, number=number)
        gone = set(sorted(silent, key=lambda one: one.released_at)[:number])
        return [one for one in left if one not in gone]

    def _alive(self, chunks: Iterable[ChunkProgress]) -> Collection[str]:
        """Ask which processes live, if there is a chunk that makes it matter."""
        if not any(self._stands_still(chunk) for chunk in chunks):
            return ()
        return {report.process for report in self._senders.read(newer_than=self._clock() - DEAD_SECONDS)}

    def _stands_still(self, chunk: ChunkProgress) -> bool:
        return not chunk.done and chunk.owner is not None and chunk.moved_at < self._clock() - STILL_SECONDS

    def _moves(self, chunk: ChunkProgress, alive: Collection[str]) -> bool:
        """Tell whether a chunk is in the hands of a living sender or will soon be."""
        if chunk.owner is None or not self._stands_still(chunk):
            return True
        process = process_of(chunk.owner)
        return chunk.lease_until > self._clock() and (process is None or process in alive)


def _last_heard(one: Released, chunk: ChunkProgress | None) -> float:
    return one.released_at if chunk is None else max(one.released_at, chunk.moved_at)
