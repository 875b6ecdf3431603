"""The drainer: moves campaign chunks from ``email-wait`` to ``email-trigger`` only as fast as they can be sent.

Every tick it reads how much of what it released is still unsent (from the chunks' own items, so nothing drifts) and
tops that up to what the line sends in ``release_seconds``. A chunk is sent to the one queue before it is deleted from
the other: a crash between the two leaves a copy, which the ledger makes harmless.
"""

import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from ems import queues
from ems.aws.sqs import BATCH_ENTRIES, OutgoingMessage, ReceivedMessage, Sqs
from ems.sending.payloads import CHUNK_RECIPIENTS, ChunkLabel
from ems.store.batches import Batch, BatchStore, Parked
from ems.store.campaigns import Campaign
from ems.store.drain import DrainStore, Released

log = structlog.get_logger()

LEASE_SECONDS = 15
IN_HAND_SECONDS = 30
"""Visibility timeout of a chunk in the drainer's hands: longer than its lease."""

ACCEPT_SECONDS = 900
"""A batch whose acceptance is older than this died on the way; its caller never got a 202."""

FORGET_SECONDS = 3600
"""A released chunk of which nothing was heard for this long (in the dead-letter queue, say) stops counting."""

KEEP_SECONDS = 3
"""How long a chunk waits whose batch is still being accepted."""

PARKED_PER_TICK = 40
"""Parked chunks that return in one tick: a few seconds' worth, so that a tick stays short."""


class Rate(Protocol):
    """What the drainer asks the governor (its status): recipients a second now, and what bulk may use today."""

    @property
    def effective_rate(self) -> float:
        """Recipients a second; 0 while no account is known."""

    @property
    def quota_left_for_bulk(self) -> int | None:
        """Recipients; None is unlimited."""


class CampaignReader(Protocol):
    """Where campaigns come from."""

    def read_many(self, campaign_ids: Sequence[str]) -> Mapping[str, Campaign]:
        """Read campaigns by id."""


@dataclass(slots=True)
class Tick:
    """What one tick did, for logs and metrics, in chunks."""

    released: int = 0
    parked: int = 0
    unparked: int = 0
    dropped: int = 0
    kept: int = 0
    budget: float = 0.0

    @property
    def moved(self) -> bool:
        """Whether anything happened."""
        return any((self.released, self.parked, self.unparked, self.dropped, self.kept))


@dataclass(slots=True)
class _Sorted:
    """Received chunks by what becomes of them."""

    release: list[tuple[ReceivedMessage, ChunkLabel]] = field(default_factory=list)
    done: list[ReceivedMessage] = field(default_factory=list)


class Drainer:
    """One tick a second. Two at once do no harm: the second finds the lease taken. *clock* gives epoch seconds."""

    def __init__(
        self,
        *,
        sqs: Sqs,
        batches: BatchStore,
        campaigns: CampaignReader,
        drain: DrainStore,
        rate: Callable[[], Rate],
        release_seconds: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._sqs = sqs
        self._batches = batches
        self._campaigns = campaigns
        self._drain = drain
        self._rate = rate
        self._release_seconds = release_seconds
        self._clock = clock

    def tick(self) -> Tick | None:
        """Release what fits; None when another drainer is at work.

        Raises:
            UnavailableError: SQS or DynamoDB cannot be reached; the next tick goes on from what is recorded.
        """
        owner = str(uuid.uuid4())
        outstanding = self._drain.acquire(owner=owner, seconds=LEASE_SECONDS)
        if outstanding is None:
            return None
        tick = Tick()
        try:
            self._unpark(tick)
            outstanding, unsent = self._still_unsent(outstanding)
            tick.budget = self._budget(unsent)
            outstanding += self._release(tick)
        finally:
            self._drain.release(outstanding, owner=owner)
        return tick

    def _budget(self, unsent: int) -> float:
        status = self._rate()
        room = status.effective_rate * self._release_seconds
        if status.quota_left_for_bulk is not None:
            room = min(room, status.quota_left_for_bulk)
        return room - unsent

    def _still_unsent(self, outstanding: Sequence[Released]) -> tuple[list[Released], int]:
        """Drop finished chunks; count the recipients that the others still hold."""
        recent = [one for one in outstanding if one.released_at > self._clock() - FORGET_SECONDS]
        rows = self._batches.chunk_rows([(one.batch_id, one.chunk) for one in recent])
        left: list[Released] = []
        unsent = 0
        for one in recent:
            row = rows.get((one.batch_id, one.chunk))
            if row is not None and row.state == "done":
                continue
            left.append(one)
            unsent += one.size if row is None else len(row.left or ()) + len(row.under_way or ())
        return left, unsent

    def _release(self, tick: Tick) -> list[Released]:
        released: list[Released] = []
        budget = tick.budget
        while budget > 0:
            limit = min(BATCH_ENTRIES, -(-int(budget) // CHUNK_RECIPIENTS) or 1)
            received = self._sqs.receive(queues.WAIT, limit=limit, visibility_seconds=IN_HAND_SECONDS)
            if not received:
                break
            chunks = self._sort(received, tick)
            if chunks.release:
                self._sqs.send(
                    queues.TRIGGER, [OutgoingMessage(m.body, group=label.batch_id) for m, label in chunks.release]
                )
            self._sqs.delete(queues.WAIT, [*chunks.done, *(message for message, _ in chunks.release)])
            now = self._clock()
            released += [Released(label.batch_id, label.chunk, label.size, now) for _, label in chunks.release]
            budget -= sum(label.size for _, label in chunks.release)
            tick.released += len(chunks.release)
        return released

    def _sort(self, received: Sequence[ReceivedMessage], tick: Tick) -> _Sorted:
        chunks = list(_labelled(received))
        batches = self._batches.get_many(label.batch_id for _, label in chunks)
        campaigns = self._campaigns.read_many(sorted({label.campaign_id for _, label in chunks}))
        sorted_ = _Sorted()
        for message, label in chunks:
            batch, campaign = batches.get(label.batch_id), campaigns.get(label.campaign_id)
            match self._fate(batch, campaign):
                case "release":
                    sorted_.release.append((message, label))
                case "park":
                    self._batches.park(Parked(label.batch_id, label.chunk, message.body))
                    sorted_.done.append(message)
                    tick.parked += 1
                case "cancel":
                    self._batches.cancel_chunk(label.batch_id, label.chunk, label.size)
                    sorted_.done.append(message)
                    tick.dropped += 1
                case "drop":
                    log.warning("chunk of a batch that was never accepted dropped", batch_id=label.batch_id)
                    sorted_.done.append(message)
                    tick.dropped += 1
                case "keep":
                    # Sent anew instead of hidden: waiting must not bring a message closer to the dead-letter queue.
                    later = OutgoingMessage(message.body, group=label.batch_id, delay_seconds=KEEP_SECONDS)
                    self._sqs.send(queues.WAIT, [later])
                    sorted_.done.append(message)
                    tick.kept += 1
        return sorted_

    def _fate(self, batch: Batch | None, campaign: Campaign | None) -> str:
        """Say what becomes of a chunk: release, park, cancel, drop or keep."""
        if batch is None or batch.state == "abandoned":
            return "drop"
        if batch.state == "cancelled":
            return "cancel"
        if batch.state == "accepting":
            return self._fate_of_accepting(batch)
        if batch.held(self._clock()) or (campaign is not None and campaign.state != "active"):
            return "park"
        return "release"

    def _fate_of_accepting(self, batch: Batch) -> str:
        if batch.created_at > self._clock() - ACCEPT_SECONDS:
            return "keep"
        # A retry with the same idempotency key may have revived it meanwhile: then it is kept for that.
        return "drop" if self._batches.move(batch.batch_id, "abandoned", allowed=("accepting",)) else "keep"

    def _unpark(self, tick: Tick) -> None:
        """Bring parked chunks of batches that may run, or were cancelled, back into the flow."""
        registry = self._batches.parked_batches()
        if not registry:
            return
        batches = self._batches.get_many(registry)
        campaigns = self._campaigns.read_many(sorted({batch.campaign_id for batch in batches.values()}))
        for batch_id, touched_at in registry.items():
            batch = batches.get(batch_id)
            fate = self._fate(batch, campaigns.get(batch.campaign_id) if batch else None)
            if fate in {"park", "keep"}:
                continue
            parked = self._batches.parked_chunks(batch_id, limit=PARKED_PER_TICK)
            if not parked:
                self._batches.forget_parked_batch(batch_id, touched_at)
                continue
            if fate == "release":
                self._sqs.send(queues.WAIT, [OutgoingMessage(one.body, group=batch_id) for one in parked])
            for one in parked:
                if fate == "cancel":
                    self._batches.cancel_chunk(batch_id, one.chunk, ChunkLabel.of_body(one.body).size)
                self._batches.unpark(one)
                tick.unparked += 1


def _labelled(received: Sequence[ReceivedMessage]) -> Iterator[tuple[ReceivedMessage, ChunkLabel]]:
    """Leave foreign messages in the queue: SQS moves them to the dead-letter queue, where people see them."""
    for message in received:
        try:
            label = ChunkLabel.of_body(message.body)
        except ValueError:
            log.warning("foreign message in the queue", queue=queues.WAIT, message_id=message.message_id)
        else:
            yield message, label
