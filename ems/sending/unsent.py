"""What lies before the senders: the chunks that were released, by how much of each is not sent yet."""

from collections.abc import Callable, Collection, Iterable

from ems.governor.minute import REPORT_SECONDS
from ems.sending.ports import BatchBook, SenderBook
from ems.store.batches import ChunkProgress
from ems.store.drain import Released
from ems.store.senders import process_of

FORGET_SECONDS = 3600
"""A released chunk of which nothing was heard for this long (in the dead-letter queue, say) stops counting."""

STILL_SECONDS = 3.0
"""A chunk that has not moved for this long makes the drainer ask whether its sender lives."""

DEAD_SECONDS = 3 * REPORT_SECONDS
"""A sender that has not reported for this long has ended, or cannot send."""


class Unsent:
    """Reads it from the chunks' own items, so nothing drifts. *clock* gives epoch seconds."""

    def __init__(self, batches: BatchBook, senders: SenderBook, *, clock: Callable[[], float]) -> None:
        self._batches = batches
        self._senders = senders
        self._clock = clock

    def count(self, released: Iterable[Released], *, parked: Collection[tuple[str, int]]) -> tuple[list[Released], int]:
        """Return those of *released* that are still before the senders, and how many recipients they hold unsent.

        Chunks that are *parked* again are not before the senders, nor are those of a batch that was paused or
        cancelled meanwhile: whoever takes them parks or ends them. What a dead sender has in hand is before nobody
        until SQS hands it out again; it stays on the list, and counts once another sender has taken it.
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
        left = [one for key, one in waiting.items() if key not in chunks or not chunks[key].done]
        alive = self._alive(chunks.values())
        unsent = 0
        for one in left:
            chunk = chunks.get((one.batch_id, one.chunk))
            unsent += one.size if chunk is None else chunk.left if self._moves(chunk, alive) else 0
        return left, unsent

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
