"""Taking chunks out of the lines: to be released, or put away where they must not go now."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

from ems import queues
from ems.aws.sqs import OutgoingMessage, ReceivedMessage
from ems.errors import UnavailableError
from ems.sending.canary import Canary
from ems.sending.fates import KEEP_SECONDS, Fate, Fates, Standing
from ems.sending.lines import NOBODY, Line, Lines
from ems.sending.payloads import ChunkLabel
from ems.sending.ports import BatchBook, CampaignsReader, ParkedChunks, Queues
from ems.store.parking import Lot, Pick

log = structlog.get_logger()

IN_HAND_SECONDS = 30
"""Visibility timeout of a chunk in the drainer's hands: longer than its lease."""

HOLD_SECONDS = 10.0
"""A campaign that was given the queue so lately may be about to fill it."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk that may go to the senders."""

    body: str
    label: ChunkLabel


@dataclass(slots=True)
class Hand:
    """What was taken out of a line: the chunks to release, and what to forget where they were once they are sent."""

    chunks: list[Chunk] = field(default_factory=list)
    messages: list[ReceivedMessage] = field(default_factory=list)
    picks: list[Pick] = field(default_factory=list)


@dataclass(slots=True)
class Counts:
    """Chunks that a tick did not release, by what became of them."""

    parked: int = 0
    kept: int = 0
    dropped: int = 0


class Drawer:
    """Reads the lines and takes chunks out of them. *clock* gives epoch seconds.

    *without_erased* takes people who were erased out of messages, by chunk number, before they are parked.
    """

    def __init__(
        self,
        *,
        sqs: Queues,
        batches: BatchBook,
        campaigns: CampaignsReader,
        parking: ParkedChunks,
        without_erased: Callable[[Mapping[int, str]], Mapping[int, str]],
        clock: Callable[[], float],
    ) -> None:
        self._sqs = sqs
        self._batches = batches
        self._fates = Fates(batches, clock=clock)
        self._campaigns = campaigns
        self._parking = parking
        self._without_erased = without_erased
        self._clock = clock

    def read(self) -> Lines:
        """Read what waits. The lots of a batch that is held, or still being accepted, are in no line."""
        waiting = self._parking.waiting()
        standings = self._standings({lot.batch_id: lot.campaign_id for lot in waiting.lots})
        lines: dict[str, Line] = {}
        ended: list[tuple[Lot, Fate]] = []
        canaries: dict[str, Canary] = {}
        for lot in waiting.lots:
            standing = standings[lot.batch_id]
            if standing.fate in {"cancel", "drop"} or not lot.chunks:
                ended.append((lot, standing.fate))
            elif standing.fate == "release":
                free = lot
                if standing.canary is not None:
                    free = lot.first(standing.canary.batch.canary)
                    canaries[lot.batch_id] = standing.canary
                if free.chunks:
                    lines.setdefault(lot.campaign_id, Line()).lots.append(free)
        lines.setdefault(waiting.holder.campaign_id if waiting.holder else NOBODY, Line()).queued = True
        parked = frozenset((lot.batch_id, chunk) for lot in waiting.lots for chunk in lot.chunks)
        return Lines(lines, ended, parked, waiting.holder, list(canaries.values()))

    def take(self, line: Line, chunks: int, hand: Hand, counts: Counts) -> None:
        """Take up to *chunks* chunks out of a line into *hand*, and put away those that must not go now."""
        hand.picks = line.pick(chunks)
        if hand.picks:
            hand.chunks = [Chunk(body, ChunkLabel.of_body(body)) for body in self._parking.bodies(hand.picks)]
            chunks -= sum(len(pick.chunks) for pick in hand.picks)
        if chunks > 0 and line.queued:
            self._receive(line, chunks, hand, counts)
        line.passed_over = not hand.chunks
        line.size = max((one.label.size for one in hand.chunks), default=line.size)

    def hand_over(self, hand: Hand) -> None:
        """Send what was taken to the senders, and only then forget where it was."""
        self._sqs.send(queues.TRIGGER, [OutgoingMessage(one.body, group=one.label.batch_id) for one in hand.chunks])
        if hand.messages:
            self._sqs.delete(queues.WAIT, hand.messages)
        if hand.picks:
            self._parking.leave(hand.picks)

    def renew(self, hand: Hand) -> None:
        """Put copies in the place of chunks that an outage has brought near to the dead-letter queue."""
        worn = [one for one in hand.messages if one.receive_count >= queues.RENEWED_FROM]
        copies = [OutgoingMessage(one.body, delay_seconds=KEEP_SECONDS) for one in worn]
        # Where SQS is out of reach as well the chunks come back by themselves, as often as they have left.
        with suppress(UnavailableError):
            self._sqs.send(queues.WAIT, copies)
            self._sqs.delete(queues.WAIT, worn)

    def learn(self, lines: Lines, hand: Hand) -> None:
        """Note the campaign of what came out of a queue of which nobody knew whose it is."""
        if lines.holder is None and hand.messages and hand.chunks:
            self._parking.claim_queue(hand.chunks[-1].label.campaign_id)

    def free_queue(self, lines: Lines) -> None:
        """Let another campaign have the queue if it is empty, also of what is hidden or delayed."""
        holder = lines.holder
        if holder is None or not lines.queue_is_empty or holder.since > self._clock() - HOLD_SECONDS:
            return
        if self._sqs.depth(queues.WAIT).total == 0:
            self._parking.free_queue(holder)

    def end(self, lot: Lot, fate: Fate, *, limit: int) -> int:
        """End up to *limit* chunks of a lot whose batch was cancelled or never accepted; return how many.

        A chunk that only a sender can end goes to one.
        """
        pick = Pick(lot, lot.chunks[:limit])
        if fate == "cancel":
            bodies = self._parking.bodies([pick])
            left = [one for one in bodies if not self._cancelled(ChunkLabel.of_body(one))]
            self._sqs.send(queues.TRIGGER, [OutgoingMessage(body, group=lot.batch_id) for body in left])
        self._parking.leave([pick])
        return len(pick.chunks)

    def _receive(self, line: Line, chunks: int, hand: Hand, counts: Counts) -> None:
        received = self._sqs.receive(queues.WAIT, limit=chunks, visibility_seconds=IN_HAND_SECONDS)
        line.queued = bool(received)
        labelled = list(_labelled(received))
        hand.messages = [message for message, _ in labelled]
        standings = self._standings({label.batch_id: label.campaign_id for _, label in labelled})
        sorted_: dict[Fate, list[tuple[ReceivedMessage, ChunkLabel]]] = {}
        for message, label in labelled:
            fate = standings[label.batch_id].of(label.chunk)
            if fate == "cancel" and not self._cancelled(label):
                # A sender had it in hand: only a sender can find out what became of its last call.
                fate = "release"
            sorted_.setdefault(fate, []).append((message, label))
        self._park(sorted_.get("park", []))
        self._keep(sorted_.get("keep", []))
        ended = [*sorted_.get("cancel", []), *sorted_.get("drop", [])]
        for _, label in ended:
            log.info("chunk dropped", batch_id=label.batch_id, chunk=label.chunk, why=standings[label.batch_id].fate)
        counts.parked += len(sorted_.get("park", []))
        counts.kept += len(sorted_.get("keep", []))
        counts.dropped += len(ended)
        hand.chunks += [Chunk(message.body, label) for message, label in sorted_.get("release", [])]

    def _park(self, chunks: Sequence[tuple[ReceivedMessage, ChunkLabel]]) -> None:
        batches: dict[tuple[str, str], dict[int, str]] = {}
        for message, label in chunks:
            batches.setdefault((label.batch_id, label.campaign_id), {})[label.chunk] = message.body
        for (batch_id, campaign_id), bodies in batches.items():
            self._parking.park(batch_id, campaign_id, self._without_erased(bodies))

    def _keep(self, chunks: Sequence[tuple[ReceivedMessage, ChunkLabel]]) -> None:
        """Send them anew instead of hiding them: waiting must not bring a message closer to the dead-letter queue."""
        if not chunks:
            return
        batches = self._batches.get_many({label.batch_id for _, label in chunks})
        again = [
            OutgoingMessage(message.body, group=label.batch_id, delay_seconds=self._fates.keep_seconds(batch))
            for message, label in chunks
            if (batch := batches.get(label.batch_id)) is not None
        ]
        self._sqs.send(queues.WAIT, again)

    def _standings(self, campaign_ids: Mapping[str, str]) -> dict[str, Standing]:
        """Decide for batches, each given with its campaign."""
        if not campaign_ids:
            return {}
        batches = self._batches.get_many(campaign_ids)
        campaigns = self._campaigns.read_many(sorted(set(campaign_ids.values())))
        return {
            one: self._fates.standing(batches.get(one), campaigns.get(campaign))
            for one, campaign in campaign_ids.items()
        }

    def _cancelled(self, label: ChunkLabel) -> bool:
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
