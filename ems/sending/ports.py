"""What sending needs from others, as small interfaces: tests and the simulation put their own behind them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from ems.aws.ses import Mail, Template
from ems.aws.ses_answers import Outcome
from ems.aws.sqs import Depth, OutgoingMessage, ReceivedMessage
from ems.governor.lease import Lease
from ems.governor.policy import Lane
from ems.store.batches import Batch, ChunkProgress
from ems.store.campaigns import Campaign
from ems.store.drain import Memory
from ems.store.parking import Holder, Pick, Waiting
from ems.store.senders import SenderReport
from ems.store.status import Status


class RateGovernor(Protocol):
    """The cluster-wide rate (:class:`ems.governor.governor.Governor`)."""

    def lease(self, n: int, *, lane: Lane, deadline: float | None = None) -> Lease:
        """Wait until *n* recipients may be sent, or raise LeaseError."""

    def book(self, n: int, *, lane: Lane) -> Lease:
        """Book a slot for *n* recipients without waiting for it, or raise LeaseError."""

    def arrive(self, lease: Lease) -> bool:
        """Wait for a booked slot; False when it is missed."""

    def returned(self, lease: Lease) -> None:
        """Note that the call of a slot that was reached is over."""

    def throttled(self) -> None:
        """Report that SES throttled a call."""

    def call_size(self) -> int:
        """Say how many recipients one bulk call should have."""


class Mailer(Protocol):
    """SES (:class:`ems.aws.ses.SesSender`)."""

    def send(self, template: Template, mails: Sequence[Mail], *, not_after: float | None = None) -> list[Outcome]:
        """Send 1 to 50 mails unless *not_after* has passed; outcomes in their order."""


class DeliveryWatch(Protocol):
    """Who is told what became of mails (:class:`ems.metrics.sending.SendingMetrics`)."""

    def settled(self, kind: str, status: Status, number: int = 1) -> None:
        """Hear that *number* mails of a campaign's kind are recorded as *status*."""


class Unwatched:
    """Nobody is told."""

    def settled(self, kind: str, status: Status, number: int = 1) -> None:
        """Do nothing."""


UNWATCHED = Unwatched()


class SuppressionFilter(Protocol):
    """Who gets no mail (:class:`ems.store.suppressions.Suppressions`)."""

    def filter(self, addresses: Sequence[str], *, kind: str, accepted_at: float) -> Mapping[str, str]:
        """Return the suppressed ones of up to 100 addresses (lower case), each with its reason.

        The reason of those who were erased since *accepted_at* (epoch seconds) is ERASED.
        """


class DrainRate(Protocol):
    """What the drainer asks the governor (its status): recipients a second now, and what bulk may use today."""

    @property
    def effective_rate(self) -> float:
        """Recipients a second; 0 while no account is known."""

    @property
    def quota_left_for_bulk(self) -> int | None:
        """Recipients; None is unlimited."""

    @property
    def bulk_waits_for(self) -> str | None:
        """What keeps all bulk waiting; None when nothing does."""


class CampaignsReader(Protocol):
    """Where campaigns come from."""

    def read_many(self, campaign_ids: Sequence[str]) -> Mapping[str, Campaign]:
        """Read campaigns by id."""


class BatchReader(Protocol):
    """Where batches come from."""

    def get(self, batch_id: str) -> Batch | None:
        """Read a batch; None when there is none."""


class QueueSender(Protocol):
    """Where messages go (:class:`ems.aws.sqs.Sqs`)."""

    def send(self, queue: str, messages: Sequence[OutgoingMessage]) -> None:
        """Enqueue all messages or raise UnavailableError."""


class QueueGauge(Protocol):
    """How full queues are (:class:`ems.aws.sqs.Sqs`)."""

    def depth(self, queue: str) -> Depth:
        """Ask how many messages the queue holds; the answer is approximate."""


class Queues(QueueSender, QueueGauge, Protocol):
    """The queues as the drainer uses them (:class:`ems.aws.sqs.Sqs`)."""

    def receive(
        self, queue: str, *, limit: int, wait_seconds: int = 0, visibility_seconds: int | None = None
    ) -> list[ReceivedMessage]:
        """Take up to *limit* messages in hand."""

    def delete(self, queue: str, messages: Sequence[ReceivedMessage]) -> None:
        """Delete what is done."""


class ChunkParking(Protocol):
    """Where chunks wait outside the queue (:class:`ems.store.parking.Parking`)."""

    def claim_queue(self, campaign_id: str) -> bool:
        """Have the campaign hold ``email-wait``, unless another one does."""

    def park(self, batch_id: str, campaign_id: str, bodies: Mapping[int, str]) -> None:
        """Put chunks to rest; their messages by chunk number."""


class ParkedChunks(ChunkParking, Protocol):
    """Parking as the drainer uses it (:class:`ems.store.parking.Parking`)."""

    def waiting(self) -> Waiting:
        """Read all that waits."""

    def bodies(self, picks: Sequence[Pick]) -> list[str]:
        """Read the messages of what was picked."""

    def leave(self, picks: Sequence[Pick]) -> None:
        """Forget what was picked."""

    def free_queue(self, holder: Holder) -> None:
        """Forget who holds the queue, unless it was given more since."""


class BatchBook(Protocol):
    """Batches as the drainer reads and ends them (:class:`ems.store.batches.BatchStore`)."""

    def get_many(self, batch_ids: Iterable[str]) -> Mapping[str, Batch]:
        """Read batches by id."""

    def chunks(self, keys: Sequence[tuple[str, int]]) -> Mapping[tuple[str, int], ChunkProgress]:
        """Read how chunks stand, by batch id and chunk number."""

    def move(
        self, batch_id: str, state: str, *, allowed: Sequence[str], seen: float | None = None, at: float | None = None
    ) -> bool:
        """Set the state if it is one of *allowed*, and since *seen*."""

    def cancel_chunk(self, batch_id: str, chunk: int, size: int) -> bool:
        """Count what is left of a chunk as cancelled; False while only a sender can tell what that is."""


class DrainMemory(Protocol):
    """The drainer's lease and memory (:class:`ems.store.drain.DrainStore`)."""

    def acquire(self, *, owner: str, seconds: float) -> Memory | None:
        """Take the lease and return what the last tick left; None while another drainer has it."""

    def release(self, memory: Memory, *, owner: str) -> None:
        """Leave *memory* to the next tick and end the lease."""


class SenderBook(Protocol):
    """What the senders report of themselves (:class:`ems.store.senders.SenderReports`)."""

    def read(self, *, newer_than: float) -> list[SenderReport]:
        """Return the reports written after *newer_than* (epoch seconds)."""
