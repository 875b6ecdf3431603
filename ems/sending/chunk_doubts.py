"""What becomes of a finished chunk of which something is unresolved.

Its queue message lives on until every doubt has had its window: it waits as a copy with DelaySeconds
(docs/adr/0006), and so no doubt is forgotten. What may be sent again after that needs the chunk's payload, which is
kept before the message goes: doubts that are held, failures that may pass, and possible duplicates.
"""

import math
import time
from collections.abc import Callable

import structlog

from ems.sending.again import ChunkAgain
from ems.sending.doubt_policy import POLICY, RESEND, DoubtPolicy
from ems.sending.outcomes import Delivery, Finished, Postponed
from ems.sending.payloads import ChunkPayload
from ems.store.doubts import Decision, Doubt, Doubts
from ems.store.kept import Kept
from ems.store.unresolved import UnresolvedChunks

log = structlog.get_logger()


class ChunkDoubts:
    """Decides about the doubts of finished chunks. *clock* gives epoch seconds."""

    def __init__(
        self,
        *,
        unresolved: UnresolvedChunks,
        doubts: Doubts,
        again: ChunkAgain,
        kept: Kept,
        policy: DoubtPolicy,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._unresolved = unresolved
        self._doubts = doubts
        self._again = again
        self._kept = kept
        self._policy = policy
        self._clock = clock

    def conclude(self, chunk: ChunkPayload, *, may_resend: bool) -> Delivery:
        """Settle what can be, wait for what may be, and let the message go when nothing depends on it any more.

        Nobody is sent to again unless *may_resend*: the batch may be cancelled, or the chunk given up.

        Raises:
            UnavailableError: DynamoDB cannot be reached; hand the chunk in again later.
        """
        unresolved = self._unresolved.of_chunk(chunk.batch_id, chunk.chunk)
        if unresolved.passing or unresolved.repeating:
            self._keep(chunk)
        doubts = self._unproven(unresolved.doubted)
        if not doubts:
            return Finished()
        left = self._policy.decides_at(max(doubt.since for doubt in doubts)) - self._clock()
        if left > 0:
            return Postponed(math.ceil(left), "recipients are in doubt")
        if may_resend and self._policy.resends(chunk.kind):
            moved = self._again.send(chunk, doubts, Decision(RESEND, POLICY, self._clock()))
            return Finished() if moved else Postponed(1, "a doubt has changed meanwhile")
        self._keep(chunk)
        log.warning("recipients held in doubt", batch_id=chunk.batch_id, chunk=chunk.chunk, number=len(doubts))
        return Finished()

    def _unproven(self, email_ids: tuple[str, ...]) -> list[Doubt]:
        """Count those as sent whom an event has proved, and return the others."""
        unproven = []
        for doubt in self._doubts.read(email_ids):
            if doubt.proven:
                self._doubts.prove(doubt)
            else:
                unproven.append(doubt)
        return unproven

    def _keep(self, chunk: ChunkPayload) -> None:
        self._kept.keep_chunk(chunk.batch_id, chunk.chunk, chunk.message().body)
