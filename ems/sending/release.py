"""The drainer: moves campaign chunks from ``email-wait`` to ``email-trigger`` only as fast as they can be sent.

Every tick it reads how much of what it released is still unsent (from the chunks' own items, so nothing drifts) and
tops that up to what the line sends in ``release_seconds``. A chunk is sent to the one queue before it is deleted from
the other: a crash between the two leaves a copy, which the ledger makes harmless.
"""

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

from ems import queues
from ems.aws.sqs import BATCH_ENTRIES, OutgoingMessage, ReceivedMessage, Sqs
from ems.errors import UnavailableError
from ems.sending.fates import KEEP_SECONDS, Fate, Fates
from ems.sending.payloads import CHUNK_RECIPIENTS, ChunkLabel
from ems.sending.ports import CampaignsReader, DrainRate
from ems.store.batches import BatchStore, Parked
from ems.store.drain import DrainStore, Released

log = structlog.get_logger()

LEASE_SECONDS = 15
IN_HAND_SECONDS = 30
"""Visibility timeout of a chunk in the drainer's hands: longer than its lease."""

TICK_SECONDS = 5
"""A tick takes nothing new in hand after this, so that it ends well within its lease."""

FORGET_SECONDS = 3600
"""A released chunk of which nothing was heard for this long (in the dead-letter queue, say) stops counting."""

PARKED_PER_TICK = 40
"""Parked chunks that return in one tick: a few seconds' worth, so that a tick stays short."""


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
    keep: list[OutgoingMessage] = field(default_factory=list)
    done: list[ReceivedMessage] = field(default_factory=list)


class Drainer:
    """One tick a second. Two at once do no harm: the second finds the lease taken. *clock* gives epoch seconds."""

    def __init__(
        self,
        *,
        sqs: Sqs,
        batches: BatchStore,
        campaigns: CampaignsReader,
        drain: DrainStore,
        rate: Callable[[], DrainRate],
        release_seconds: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._sqs = sqs
        self._batches = batches
        self._fates = Fates(batches, clock=clock)
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
        tick, now = Tick(), self._clock()
        try:
            self._unpark(tick, outstanding, stop_at=now + TICK_SECONDS / 2)
            unsent = self._forget_sent(outstanding)
            tick.budget = self._budget(unsent)
            self._release(tick, outstanding, stop_at=now + TICK_SECONDS)
        finally:
            self._drain.release(outstanding, owner=owner)
        return tick

    def _budget(self, unsent: int) -> float:
        status = self._rate()
        if status.bulk_waits_for is not None:
            return 0.0  # it waits where it costs nothing
        room = status.effective_rate * self._release_seconds
        if status.quota_left_for_bulk is not None:
            room = min(room, status.quota_left_for_bulk)
        return room - unsent

    def _forget_sent(self, outstanding: list[Released]) -> int:
        """Drop from *outstanding* what is no longer before the senders; count the recipients that the rest holds.

        A chunk of a batch that was paused or cancelled meanwhile is parked or ended by whoever takes it.
        """
        latest = {(one.batch_id, one.chunk): one for one in outstanding}
        batches = self._batches.get_many(batch_id for batch_id, _ in latest)
        now = self._clock()
        waiting = {
            key: one
            for key, one in latest.items()
            if one.released_at > now - FORGET_SECONDS
            and (batch := batches.get(one.batch_id)) is not None
            and batch.state == "waiting"
            and not batch.held(now)
        }
        rows = self._batches.chunk_rows(list(waiting))
        unsent = 0
        outstanding.clear()
        for key, one in waiting.items():
            row = rows.get(key)
            if row is None or row.state != "done":
                outstanding.append(one)
                unsent += one.size if row is None else len(row.left or ()) + len(row.under_way or ())
        return unsent

    def _release(self, tick: Tick, outstanding: list[Released], *, stop_at: float) -> None:
        budget = tick.budget
        while budget > 0 and self._clock() < stop_at:
            limit = min(BATCH_ENTRIES, -(-int(budget) // CHUNK_RECIPIENTS) or 1)
            received = self._sqs.receive(queues.WAIT, limit=limit, visibility_seconds=IN_HAND_SECONDS)
            if not received:
                break
            try:
                budget -= self._move(received, tick, outstanding)
            except UnavailableError:
                self._renew(received)
                raise

    def _move(self, received: Sequence[ReceivedMessage], tick: Tick, outstanding: list[Released]) -> int:
        """Take each chunk where it belongs; return how many recipients were released."""
        chunks = self._sort(received, tick)
        now = self._clock()
        # Before they are sent: a failure from here on may come after SQS took them.
        outstanding += [Released(label.batch_id, label.chunk, label.size, now) for _, label in chunks.release]
        if chunks.release:
            self._sqs.send(
                queues.TRIGGER, [OutgoingMessage(m.body, group=label.batch_id) for m, label in chunks.release]
            )
        if chunks.keep:
            self._sqs.send(queues.WAIT, chunks.keep)
        self._sqs.delete(queues.WAIT, [*chunks.done, *(message for message, _ in chunks.release)])
        tick.released += len(chunks.release)
        return sum(label.size for _, label in chunks.release)

    def _renew(self, received: Sequence[ReceivedMessage]) -> None:
        """Put copies in the place of chunks that an outage has brought near to the dead-letter queue.

        A foreign message goes there all the same: it never comes further than this.
        """
        worn = [one for one in received if one.receive_count >= queues.RENEWED_FROM]
        chunks = list(_labelled(worn))
        copies = [OutgoingMessage(m.body, group=label.batch_id, delay_seconds=KEEP_SECONDS) for m, label in chunks]
        # Where SQS is out of reach as well the chunks come back by themselves, as often as they have left.
        with suppress(UnavailableError):
            self._sqs.send(queues.WAIT, copies)
            self._sqs.delete(queues.WAIT, [message for message, _ in chunks])

    def _sort(self, received: Sequence[ReceivedMessage], tick: Tick) -> _Sorted:
        chunks = list(_labelled(received))
        batches = self._batches.get_many(label.batch_id for _, label in chunks)
        campaigns = self._campaigns.read_many(sorted({label.campaign_id for _, label in chunks}))
        campaign_of = {label.batch_id: campaigns.get(label.campaign_id) for _, label in chunks}
        fates = {one: self._fates.of(batches.get(one), campaign) for one, campaign in campaign_of.items()}
        sorted_ = _Sorted()
        for message, label in chunks:
            fate = fates[label.batch_id]
            if fate == "cancel" and not self._batches.cancel_chunk(label.batch_id, label.chunk, label.size):
                # A sender had it in hand: only a sender can find out what became of its last call.
                fate = "release"
            match fate:
                case "release":
                    sorted_.release.append((message, label))
                    continue
                case "park":
                    self._batches.park(Parked(label.batch_id, label.chunk, message.body))
                    tick.parked += 1
                case "keep":
                    # Sent anew instead of hidden: waiting must not bring a message closer to the dead-letter queue.
                    delay = self._fates.keep_seconds(batches[label.batch_id])
                    sorted_.keep.append(OutgoingMessage(message.body, group=label.batch_id, delay_seconds=delay))
                    tick.kept += 1
                case "cancel" | "drop":
                    log.info("chunk dropped", batch_id=label.batch_id, chunk=label.chunk, why=fate)
                    tick.dropped += 1
            sorted_.done.append(message)
        return sorted_

    def _unpark(self, tick: Tick, outstanding: list[Released], *, stop_at: float) -> None:
        """Bring parked chunks of batches that may run, or were cancelled, back into the flow."""
        registry = self._batches.parked_batches()
        if not registry:
            return
        batches = self._batches.get_many(registry)
        campaigns = self._campaigns.read_many(sorted({batch.campaign_id for batch in batches.values()}))
        for batch_id, touched_at in registry.items():
            if self._clock() > stop_at:
                return
            batch = batches.get(batch_id)
            fate = self._fates.of(batch, campaigns.get(batch.campaign_id) if batch else None)
            if fate in {"park", "keep"}:
                continue
            parked = self._batches.parked_chunks(batch_id, limit=PARKED_PER_TICK)
            if not parked:
                self._batches.forget_parked_batch(batch_id, touched_at)
                continue
            self._return(parked, fate)
            tick.unparked += len(parked)
            # They lie in the queue again, no longer before the senders.
            returned = {(one.batch_id, one.chunk) for one in parked}
            outstanding[:] = [one for one in outstanding if (one.batch_id, one.chunk) not in returned]

    def _return(self, parked: Sequence[Parked], fate: Fate) -> None:
        back = [one for one in parked if fate == "release" or (fate == "cancel" and not self._cancelled(one))]
        self._sqs.send(queues.WAIT, [OutgoingMessage(one.body, group=one.batch_id) for one in back])
        for one in parked:
            self._batches.unpark(one)

    def _cancelled(self, parked: Parked) -> bool:
        label = ChunkLabel.of_body(parked.body)
        return self._batches.cancel_chunk(label.batch_id, label.chunk, label.size)


def _labelled(received: Sequence[ReceivedMessage]) -> Iterator[tuple[ReceivedMessage, ChunkLabel]]:
    """Leave foreign messages in the queue: SQS moves them to the dead-letter queue, where people see them."""
    for message in received:
        try:
            label = ChunkLabel.of_body(message.body)
        except ValueError:
            log.warning("foreign message in the queue", queue=queues.WAIT, message_id=message.message_id)
        else:
            yield message, label
