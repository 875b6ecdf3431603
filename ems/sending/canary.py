"""The canary: the first recipients of a bulk go out, and the rest waits until it is known what became of them."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import structlog

from ems.sending.breaker import Breaker, Tallies
from ems.sending.breaker_rule import Alarm, Limits, judge
from ems.store.batches import Batch, Progress
from ems.store.breakers import Tally
from ems.store.campaigns import Campaign

log = structlog.get_logger()

LOOKS_PER_TICK = 10
"""Batches whose canaries are looked at in one tick; with more they take turns."""


class CanaryBatches(Protocol):
    """Batches as canaries need them (:class:`ems.store.batches.BatchStore`)."""

    def progress(self, batch_id: str) -> Progress:
        """Sum up the chunks that were started."""

    def end_canary(self, batch_id: str) -> None:
        """Let the rest of the batch follow."""


@dataclass(frozen=True, slots=True)
class Canary:
    """A batch of which the rest waits, and its campaign."""

    batch: Batch
    campaign: Campaign


def chunks_of_canary(*, recipients: int, total: int, chunk_size: int) -> int:
    """Return how many chunks of *chunk_size* hold the first *recipients* of *total*; 0 when there is no rest."""
    return -(-recipients // chunk_size) if recipients < total else 0


def decide(
    canary: Canary, progress: Progress, tally: Tally, *, limits: Limits, seconds: float, now: float
) -> Alarm | Literal["over", "waits"]:
    """Say what the numbers of a canary mean: *progress* by the ledger, *tally* by SES's events, *now* in epoch seconds.

    It is over as soon as nothing that is still to come could trip the breaker, or *seconds* after it was sent.
    """
    if canary.campaign.resumed_at is not None and canary.campaign.resumed_at > canary.batch.created_at:
        return "over"  # whoever resumed the campaign knew its numbers
    taken = progress.counts["sent"] + progress.counts["in_doubt"]
    known = replace(tally, sent=max(tally.sent, taken))
    alarm = judge(known, limits)
    if alarm is not None:
        return alarm
    if sum(progress.counts.values()) < min(canary.batch.canary * canary.batch.chunk_size, canary.batch.total):
        return "waits"
    unknown = max(taken - tally.settled, 0)
    if judge(replace(known, hard_bounced=known.hard_bounced + unknown), limits) is None:
        return "over"
    return "over" if progress.moved_at is not None and now >= progress.moved_at + seconds else "waits"


class Canaries:
    """Ends canaries, or has the breaker pause their campaigns. *clock* gives epoch seconds."""

    def __init__(
        self,
        *,
        batches: CanaryBatches,
        tallies: Tallies,
        breaker: Breaker,
        limits: Limits,
        seconds: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._batches = batches
        self._tallies = tallies
        self._breaker = breaker
        self._limits = limits
        self._seconds = seconds
        self._clock = clock
        self._turn = 0

    def inspect(self, canaries: Sequence[Canary]) -> None:
        """Look at some of the batches whose rest waits.

        Raises:
            UnavailableError: DynamoDB cannot be reached.
        """
        if not canaries:
            return
        first = self._turn % len(canaries)
        for canary in [*canaries[first:], *canaries[:first]][:LOOKS_PER_TICK]:
            self._inspect(canary)
        self._turn = first + LOOKS_PER_TICK

    def _inspect(self, canary: Canary) -> None:
        batch = canary.batch
        progress, tally = self._batches.progress(batch.batch_id), self._tallies.batch(batch.batch_id)
        verdict = decide(canary, progress, tally, limits=self._limits, seconds=self._seconds, now=self._clock())
        if isinstance(verdict, Alarm):
            self._breaker.pause(canary.campaign, verdict, where=f"among the first recipients of batch {batch.batch_id}")
        elif verdict == "over":
            self._batches.end_canary(batch.batch_id)
            log.info("canary over", batch_id=batch.batch_id, settled=tally.settled, hard_bounced=tally.hard_bounced)
