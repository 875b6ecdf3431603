"""The content guard: of mails with the same recipient, campaign and data within the campaign's window, one goes out.

It is the senders that ask, so that accepting costs nothing more, and only for campaigns with a window. The others are
held for an operator (docs/adr/0019).
"""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import structlog

from ems.sending.chunk_outcomes import settled_at
from ems.sending.ids import fingerprint
from ems.sending.payloads import ChunkPayload, SinglePayload
from ems.store.chunk_state import Settled
from ems.store.contents import Content, ContentNotes
from ems.store.doubts import Decision
from ems.store.held import HeldMails
from ems.store.kept import Kept
from ems.store.status import Status

log = structlog.get_logger()

RELEASE = "release"
"""What is decided when a mail that is held is sent after all."""


class ContentGuard:
    """Holds what repeats. *clock* gives epoch seconds. Every method raises UnavailableError without DynamoDB."""

    def __init__(
        self, *, notes: ContentNotes, held: HeldMails, kept: Kept, clock: Callable[[], float] = time.time
    ) -> None:
        self._notes = notes
        self._held = held
        self._kept = kept
        self._clock = clock

    def let_go(self, mail: SinglePayload) -> None:
        """Have a single mail that was released be queued, once; its message is in the caller's hands."""
        if mail.released_by is None:
            return
        for held in self._held.read([mail.email_id]):
            self._held.let_go(held, Decision(RELEASE, mail.released_by, self._clock()))

    def holds(self, mail: SinglePayload) -> bool:
        """Hold a queued single mail if it repeats another; False when it may pass or is not queued any more.

        Its payload is kept first: what a crash leaves between the two is a message that comes back.
        """
        if not mail.duplicate_window_seconds or mail.released_by is not None:
            return False
        if not self._held.is_queued(mail.email_id):
            # A repetition, or a stray message: the queue took it, its answer was lost, and the mail was never accepted.
            # Noting that one would hold the caller's next attempt.
            return False
        content = Content(_hash(mail.campaign_id, mail.to, mail.data), mail.email_id, mail.accepted_at)
        repeated = self._notes.repeated([content], window_seconds=mail.duplicate_window_seconds)
        if not repeated:
            return False
        self._kept.keep_mail(mail.email_id, mail.message().body)
        held = self._held.hold(mail.email_id, repeats=repeated[mail.email_id])
        if held:
            log.warning("possible duplicate held", email_id=mail.email_id, repeats=repeated[mail.email_id])
        return held

    def held_of(self, chunk: ChunkPayload, positions: Iterable[int]) -> list[Settled]:
        """Return those at *positions* who are to be held, for the ledger to write."""
        if not chunk.duplicate_window_seconds:
            return []
        position_of = {chunk.email_id(position): position for position in positions}
        contents = [
            Content(_content(chunk, position), email_id, chunk.accepted_at)
            for email_id, position in position_of.items()
        ]
        repeated = self._notes.repeated(contents, window_seconds=chunk.duplicate_window_seconds)
        if repeated:
            log.warning("possible duplicates held", batch_id=chunk.batch_id, chunk=chunk.chunk, number=len(repeated))
        return [
            settled_at(chunk, position_of[email_id], Status.HELD, repeats=earlier)
            for email_id, earlier in repeated.items()
        ]


def _content(chunk: ChunkPayload, position: int) -> str:
    return _hash(chunk.campaign_id, chunk.recipients[position].to, chunk.data_of(position))


def _hash(campaign_id: str, to: str, data: Mapping[str, Any]) -> str:
    return fingerprint({"campaign_id": campaign_id, "to": to.lower(), "data": data})
