"""``email-wait``, and the items that the drainer reads and writes, at the far end of a network; every call is counted.

They stand behind the interfaces of :mod:`ems.sending.ports`. Nothing is paused, cancelled or lost here: that is for the
tests of the product; the simulation shows what the calls cost and how the turns come out.
"""

import json
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Never, TypeVar

from ems import messages, queues
from ems.aws.sqs import BATCH_ENTRIES, Depth, OutgoingMessage, ReceivedMessage
from ems.local.simulation.aws import Wire
from ems.local.simulation.queue import Chunk
from ems.sending.payloads import ChunkLabel
from ems.store.batches import Batch, ChunkProgress
from ems.store.drain import Memory
from ems.store.parking import WRITES_PER_CALL, Holder, Lot, Pick, Waiting
from ems.store.senders import SenderReport

Answer = TypeVar("Answer")

READS_PER_CALL = 100
"""Items of one BatchGetItem (DynamoDB quota)."""


@dataclass(slots=True)
class Waits:
    """Some chunks of a campaign in the queue; its batch has the campaign's name."""

    campaign_id: str
    size: int
    numbers: deque[int]


@dataclass(slots=True)
class Far:
    """The way to AWS. ``calls`` counts by the name of the operation, ``now`` gives epoch seconds."""

    wire: Wire
    now: Callable[[], float]
    calls: Counter[str] = field(default_factory=Counter)

    def dynamodb(self, operation: str, action: Callable[[], Answer], *, calls: int = 1) -> Answer:
        """Make *calls* calls, one after the other, of which the last answers."""
        self.calls[operation] += calls
        return self.wire.dynamodb(action, writes=calls)

    def sqs(self, operation: str, action: Callable[[], Answer], *, messages: int) -> Answer:
        """Make as many calls as the messages need, ten with each and eight at a time."""
        calls = -(-messages // BATCH_ENTRIES)
        self.calls[operation] += calls
        return self.wire.sqs(action, calls=calls)


class FarQueues:
    """The queues of the drainer. *released* is told what reaches ``email-trigger``."""

    def __init__(self, far: Far, released: Callable[[ChunkLabel], None]) -> None:
        self._far = far
        self._released = released
        self.waiting: deque[Waits] = deque()

    def send(self, queue: str, messages: Sequence[OutgoingMessage]) -> None:
        """Release chunks."""
        if messages and queue == queues.TRIGGER:
            self._far.sqs("SendMessageBatch", lambda: self._arrive(messages), messages=len(messages))

    def receive(
        self, queue: str, *, limit: int, wait_seconds: int = 0, visibility_seconds: int | None = None
    ) -> list[ReceivedMessage]:
        """Take chunks out of the front."""
        del queue, wait_seconds, visibility_seconds
        return self._far.sqs("ReceiveMessage", lambda: self._take(limit), messages=limit)

    def delete(self, queue: str, messages: Sequence[ReceivedMessage]) -> None:
        """Count the calls; what was received does not come back here."""
        del queue
        self._far.sqs("DeleteMessageBatch", lambda: None, messages=len(messages))

    def depth(self, queue: str) -> Depth:
        """Count what waits in ``email-wait``; about ``email-trigger``, where no message dies, nobody asks."""
        del queue
        number = sum(len(one.numbers) for one in self.waiting)
        return self._far.sqs("GetQueueAttributes", lambda: Depth(number, 0, 0), messages=1)

    def _arrive(self, messages: Sequence[OutgoingMessage]) -> None:
        for message in messages:
            self._released(ChunkLabel.of_body(message.body))

    def _take(self, limit: int) -> list[ReceivedMessage]:
        taken: list[ReceivedMessage] = []
        while self.waiting and len(taken) < limit:
            front = self.waiting[0]
            if not front.numbers:
                self.waiting.popleft()
                continue
            body = _body(front.campaign_id, front.numbers.popleft(), front.size)
            taken.append(ReceivedMessage("m", "r", body, 1))
        return taken


class FarParking:
    """Parked chunks, of ``size`` recipients each."""

    def __init__(self, far: Far, size: int) -> None:
        self._far = far
        self._size = size
        self._holder: Holder | None = None
        self._lots: dict[str, Lot] = {}

    def claim_queue(self, campaign_id: str) -> bool:
        """Have the campaign hold the queue, unless another one does."""
        return self._far.dynamodb("UpdateItem", lambda: self.claim_at_once(campaign_id))

    def claim_at_once(self, campaign_id: str) -> bool:
        """Do so when the request arrives."""
        mine = self._holder is None or self._holder.campaign_id == campaign_id
        if mine:
            self._holder = Holder(campaign_id, self._far.now())
        return mine

    def put(self, campaign_id: str, numbers: range) -> None:
        """Have a lot lie there."""
        lot_id = f"{campaign_id}.{len(self._lots)}"
        self._lots[lot_id] = Lot(lot_id, campaign_id, campaign_id, tuple(numbers))

    def park(self, batch_id: str, campaign_id: str, bodies: Mapping[int, str]) -> Never:
        """Not here: nothing is paused."""
        raise AssertionError(f"{len(bodies)} chunks of {batch_id} ({campaign_id}) were to be parked")

    def waiting(self) -> Waiting:
        """Read all that waits."""
        return self._far.dynamodb("Query", lambda: Waiting(self._holder, tuple(self._lots.values())))

    def bodies(self, picks: Sequence[Pick]) -> list[str]:
        """Read the messages of what was picked."""
        bodies = [_body(pick.lot.campaign_id, chunk, self._size) for pick in picks for chunk in pick.chunks]
        return self._far.dynamodb("BatchGetItem", lambda: bodies, calls=-(-len(bodies) // READS_PER_CALL))

    def leave(self, picks: Sequence[Pick]) -> None:
        """Forget what was picked."""
        for pick in picks:
            self._far.dynamodb("UpdateItem", lambda pick=pick: self._shorten(pick))  # type: ignore[misc]
        number = sum(len(pick.chunks) for pick in picks)
        self._far.dynamodb("BatchWriteItem", lambda: None, calls=-(-number // WRITES_PER_CALL))

    def free_queue(self, holder: Holder) -> None:
        """Forget who holds the queue."""
        self._far.dynamodb("DeleteItem", lambda: self._free(holder))

    def _free(self, holder: Holder) -> None:
        if self._holder == holder:
            self._holder = None

    def _shorten(self, pick: Pick) -> None:
        left = tuple(chunk for chunk in self._lots.pop(pick.lot.lot_id).chunks if chunk not in set(pick.chunks))
        if left:
            self._lots[pick.lot.lot_id] = Lot(pick.lot.lot_id, pick.lot.batch_id, pick.lot.campaign_id, left)


class FarBatches:
    """Batches that wait, and the items of their chunks."""

    def __init__(self, far: Far, epoch: float) -> None:
        self._far = far
        self._epoch = epoch
        self.taken: dict[tuple[str, int], Chunk] = {}

    def get_many(self, batch_ids: Iterable[str]) -> Mapping[str, Batch]:
        """Read batches."""
        wanted = set(batch_ids)
        return self._far.dynamodb("BatchGetItem", lambda: {one: _batch(one) for one in wanted}) if wanted else {}

    def chunks(self, keys: Sequence[tuple[str, int]]) -> Mapping[tuple[str, int], ChunkProgress]:
        """Read how chunks stand; those that no sender has taken yet are missing."""
        if not keys:
            return {}
        calls = -(-len(keys) // READS_PER_CALL)
        return self._far.dynamodb(
            "BatchGetItem",
            lambda: {key: self._progress(chunk) for key in keys if (chunk := self.taken[key]).moved_at},
            calls=calls,
        )

    def move(
        self, batch_id: str, state: str, *, allowed: Sequence[str], seen: float | None = None, at: float | None = None
    ) -> Never:
        """Not here: every batch was accepted."""
        raise AssertionError(f"{batch_id} was to become {state} ({allowed}, {seen}, {at})")

    def cancel_chunk(self, batch_id: str, chunk: int, size: int) -> Never:
        """Not here: nothing is cancelled."""
        raise AssertionError(f"chunk {chunk} of {batch_id} ({size}) was to be cancelled")

    def _progress(self, chunk: Chunk) -> ChunkProgress:
        return ChunkProgress(
            done=not chunk.left,
            left=chunk.left,
            owner=chunk.owner,
            lease_until=self._epoch + chunk.lease_until,
            moved_at=self._epoch + chunk.moved_at,
        )


@dataclass(slots=True)
class FarMemory:
    """The drainer's item."""

    far: Far
    kept: Memory = field(default_factory=Memory)
    owner: str | None = None

    def acquire(self, *, owner: str, seconds: float) -> Memory | None:
        """Take the lease, which no drainer of the simulation outlives."""
        del seconds
        return self.far.dynamodb("UpdateItem", lambda: self._acquire(owner))

    def release(self, memory: Memory, *, owner: str) -> None:
        """Leave *memory* to the next tick."""
        self.far.dynamodb("UpdateItem", lambda: self._release(memory, owner))

    def _acquire(self, owner: str) -> Memory | None:
        if self.owner is not None:
            return None
        self.owner = owner
        return self.kept

    def _release(self, memory: Memory, owner: str) -> None:
        if self.owner == owner:
            self.kept, self.owner = memory, None


@dataclass(frozen=True, slots=True)
class FarSenders:
    """What the senders report. *last* tells when each process last did, in epoch seconds."""

    far: Far
    last: Callable[[], Mapping[str, float]]

    def read(self, *, newer_than: float) -> list[SenderReport]:
        """Read the reports."""
        return self.far.dynamodb(
            "Scan",
            lambda: [SenderReport(process=name, at=at) for name, at in self.last().items() if at > newer_than],
        )


@dataclass(frozen=True, slots=True)
class FarCampaigns:
    """Campaigns, all of them active."""

    far: Far

    def read_many(self, campaign_ids: Sequence[str]) -> Mapping[str, Never]:
        """Read them: a campaign that is not there holds nothing up."""
        del campaign_ids
        return self.far.dynamodb("BatchGetItem", dict)


def _body(campaign_id: str, number: int, size: int) -> str:
    label = ChunkLabel(campaign_id, number, campaign_id, size)
    return json.dumps({"headers": {messages.CHUNK_HEADER: label.json()}})


def _batch(batch_id: str) -> Batch:
    return Batch(
        batch_id=batch_id,
        campaign_id=batch_id,
        kind="bulk",
        name=None,
        state="waiting",
        requested=0,
        total=0,
        chunks=0,
        chunk_size=0,
        template_name="",
        subject="",
        variables=(),
        fingerprint="",
        send_at=None,
        created_at=0.0,
        updated_at=0.0,
    )
