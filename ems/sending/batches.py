"""Batches as callers see and steer them."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ems.errors import ConflictError, UnknownIdError
from ems.governor.status import Hindrance
from ems.sending.ports import BatchReader, CampaignsReader
from ems.sending.requests import BatchCounts, BatchHindrance, BatchStatus, BatchView
from ems.store.batches import Batch, BatchStore, Progress
from ems.store.recipient_ids import split_recipient_id
from ems.store.status import Status


class Rate(Protocol):
    """What a batch's progress depends on besides itself (:class:`ems.governor.status.RateStatus`)."""

    @property
    def effective_rate(self) -> float:
        """Recipients a second; 0 while no account is known."""

    @property
    def bulk_waits_for(self) -> Hindrance | None:
        """What keeps all bulk waiting."""

    @property
    def bulk_waits_until(self) -> float | None:
        """When that is expected to end, in epoch seconds."""


@dataclass(frozen=True, slots=True)
class _Wait:
    """What a batch waits for, if anything; otherwise *speed* is the line's, in recipients a second."""

    what: BatchHindrance | None = None
    because: str | None = None
    until: float | None = None
    speed: float = 0.0


class Batches:
    """Read, pause, resume and cancel. *campaigns* and *rate* are asked for batches that are to move only."""

    def __init__(
        self,
        store: BatchStore,
        *,
        campaigns: CampaignsReader,
        rate: Callable[[], Rate],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._campaigns = campaigns
        self._rate = rate
        self._clock = clock

    def get(self, batch_id: str) -> BatchView:
        """Return the batch with its progress.

        Raises:
            UnknownIdError: No batch of this id was accepted.
        """
        batch = accepted_batch(self._store, batch_id)
        progress = self._store.progress(batch_id)
        counts = _counts(batch, progress)
        left = counts.waiting + counts.sending
        measured = _measured_rate(progress, left, self._clock())
        status = self._status(batch, counts)
        wait = self._wait(batch, status)
        return BatchView(
            batch_id=batch_id,
            campaign_id=batch.campaign_id,
            name=batch.name,
            status="paused" if wait.what == "campaign" else status,
            total=batch.total,
            counts=counts,
            rate=measured,
            eta_seconds=0.0 if status == "done" else self._eta(batch, left, measured, wait),
            waits_for=wait.what,
            waits_because=wait.because,
            waits_until=wait.until,
            created_at=batch.created_at,
            send_at=batch.send_at,
        )

    def pause(self, batch_id: str) -> BatchView:
        """Stop a batch; what was released in the last seconds may still go out."""
        return self._stop(batch_id, "paused", allowed=("waiting", "paused"))

    def resume(self, batch_id: str) -> BatchView:
        """Let a paused batch go on; the drainer brings its parked chunks back.

        One that was given up while it was paused is resumed as well: copies of its chunks may still be parked.
        """
        return self._move(batch_id, "waiting", allowed=("paused", "waiting"))

    def cancel(self, batch_id: str) -> BatchView:
        """End a batch for good: whoever has not been sent to will not be."""
        return self._stop(batch_id, "cancelled", allowed=("waiting", "paused", "cancelled"))

    def pending_status(self, email_id: str) -> str | None:
        """Say what becomes of a batch's recipient that has no row yet; None when *email_id* names no such."""
        parts = split_recipient_id(email_id)
        if parts is None:
            return None
        batch_id, index = parts
        batch = self._store.get(batch_id)
        if batch is None or not batch.accepted or index >= batch.requested:
            return None
        return (Status.CANCELLED if batch.state == "cancelled" else Status.QUEUED).value

    def _stop(self, batch_id: str, state: str, *, allowed: tuple[str, ...]) -> BatchView:
        if self.get(batch_id).status == "done":
            raise ConflictError("the batch is done; nothing of it is left to send")
        return self._move(batch_id, state, allowed=allowed)

    def _move(self, batch_id: str, state: str, *, allowed: tuple[str, ...]) -> BatchView:
        accepted_batch(self._store, batch_id)
        if not self._store.move(batch_id, state, allowed=allowed):
            raise ConflictError("the batch is cancelled; send the rest in a new request")
        return self.get(batch_id)

    def _status(self, batch: Batch, counts: BatchCounts) -> BatchStatus:
        if batch.state == "cancelled":
            return "cancelled"
        if counts.waiting + counts.sending == 0:
            return "done"
        if batch.state == "paused":
            return "paused"
        if batch.send_at is not None and batch.send_at > self._clock():
            return "scheduled"
        return "waiting" if counts.waiting == batch.total else "sending"

    def _wait(self, batch: Batch, status: BatchStatus) -> _Wait:
        if status not in {"scheduled", "waiting", "sending"}:
            return _Wait()
        campaign = self._campaigns.read_many([batch.campaign_id]).get(batch.campaign_id)
        if campaign is not None and not campaign.active:
            return _Wait("campaign", because=campaign.state_reason)
        line = self._rate()
        if line.bulk_waits_for is not None:
            return _Wait() if status == "scheduled" else _Wait(line.bulk_waits_for, until=line.bulk_waits_until)
        if batch.canary and status != "scheduled":
            return _Wait("canary")
        return _Wait(speed=line.effective_rate)

    def _eta(self, batch: Batch, left: int, measured: float, wait: _Wait) -> float | None:
        """Seconds until the last recipient, at the batch's own speed or, before it has one, at the line's."""
        if not wait.speed:
            return None
        ahead = max((batch.send_at or 0) - self._clock(), 0.0)
        return round(ahead + left / (measured or wait.speed), 1)


def accepted_batch(batches: BatchReader, batch_id: str) -> Batch:
    """Read a batch.

    Raises:
        UnknownIdError: No batch of this id was accepted.
    """
    batch = batches.get(batch_id)
    if batch is None or not batch.accepted:
        raise UnknownIdError("batch", batch_id)
    return batch


def _counts(batch: Batch, progress: Progress) -> BatchCounts:
    final = sum(progress.counts.values())
    waiting = batch.total - final - progress.started_left
    cancelled = progress.counts["cancelled"]
    if batch.state == "cancelled":
        waiting, cancelled = 0, cancelled + waiting
    return BatchCounts(
        waiting=waiting,
        sending=progress.started_left,
        sent=progress.counts["sent"],
        failed=progress.counts["failed"],
        suppressed=progress.counts["suppressed"],
        cancelled=cancelled,
        in_doubt=progress.counts["in_doubt"],
        held=progress.counts["held"],
    )


def _measured_rate(progress: Progress, left: int, now: float) -> float:
    if progress.started_at is None or progress.moved_at is None:
        return 0.0
    until = now if left else progress.moved_at
    tried = sum(progress.counts[state] for state in ("sent", "failed", "in_doubt"))
    return round(tried / max(until - progress.started_at, 1.0), 2)
