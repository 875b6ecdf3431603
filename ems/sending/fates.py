"""What becomes of a chunk that waits, by the state of its batch and campaign."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ems.sending.canary import Canary
from ems.sending.ports import BatchBook
from ems.store.batches import Batch
from ems.store.campaigns import Campaign

Fate = Literal["release", "park", "cancel", "drop", "keep"]
"""``keep`` is for a batch that is still being accepted, ``drop`` for one that never was."""

ACCEPT_SECONDS = 900
"""An attempt to accept a batch that is older than this died on the way; its caller never got a 202."""

KEEP_SECONDS = 3
"""How long a chunk waits at least whose batch is still being accepted."""

MAX_KEEP_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Standing:
    """How a batch stands: the fate of its chunks, and its canary while the rest of them waits for that."""

    fate: Fate
    canary: Canary | None = None

    def of(self, chunk: int) -> Fate:
        """Return the fate of one chunk."""
        if self.fate == "release" and self.canary is not None and self.canary.batch.waits_for_canary(chunk):
            return "park"
        return self.fate


class Fates:
    """Decides; on the way it gives up batches whose acceptance died. *clock* gives epoch seconds."""

    def __init__(self, batches: BatchBook, *, clock: Callable[[], float]) -> None:
        self._batches = batches
        self._clock = clock

    def standing(self, batch: Batch | None, campaign: Campaign | None) -> Standing:
        """Decide about *batch*; a deleted *campaign* holds nothing up, and has no canaries."""
        fate = self._of(batch, campaign)
        if batch is None or campaign is None or not batch.canary:
            return Standing(fate)
        return Standing(fate, Canary(batch, campaign))

    def _of(self, batch: Batch | None, campaign: Campaign | None) -> Fate:
        if batch is None or batch.state == "abandoned":
            return "drop"
        if batch.state == "cancelled":
            return "cancel"
        if batch.state == "accepting":
            return self._of_accepting(batch)
        if batch.held(self._clock()) or (campaign is not None and not campaign.active):
            return "park"
        return "release"

    def keep_seconds(self, batch: Batch) -> int:
        """Say when to look again at a chunk that is kept: the longer its batch takes, the less often."""
        age = self._clock() - batch.updated_at
        return int(min(max(age, KEEP_SECONDS), MAX_KEEP_SECONDS))

    def _of_accepting(self, batch: Batch) -> Fate:
        if batch.updated_at > self._clock() - ACCEPT_SECONDS:
            return "keep"
        # A retry with the same idempotency key may have begun meanwhile: then the chunk is kept for that.
        given_up = self._batches.move(batch.batch_id, "abandoned", allowed=("accepting",), seen=batch.updated_at)
        return "drop" if given_up else "keep"
