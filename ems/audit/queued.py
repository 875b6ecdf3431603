"""What a queue's message is about, read from its body."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from ems import messages, queues
from ems.aws.sqs import ReceivedMessage
from ems.sending.payloads import ChunkLabel
from ems.store.recipient_ids import split_recipient_id
from ems.tracking.events import parse
from ems.tracking.gather import tracked_texts
from ems.tracking.intake import unwrap


@dataclass(frozen=True, slots=True)
class Waiting:
    """A single mail, or a chunk of a batch: the unit of which there is a message while it waits.

    ``undecided``: it waits for a decision about its doubts, or for its payload to be kept, and not to be sent.
    """

    email_id: str | None = None
    batch_id: str | None = None
    chunk: int | None = None
    undecided: bool = field(default=False, compare=False)

    def __str__(self) -> str:
        return self.email_id or f"{self.batch_id} chunk {self.chunk}"


@dataclass(frozen=True, slots=True)
class QueuedMessage:
    """One message.

    Attributes:
        queue: Where it lies.
        message_id: SQS's id of it.
        campaigns: Whose it is, as far as the message says: SES events travel in groups.
        about: What a sender has to do; None for SES events and for a foreign message.
        events: SES events, as email id ("" when there is no tag) and key.
    """

    queue: str
    message_id: str
    campaigns: frozenset[str] = frozenset()
    about: Waiting | None = None
    events: tuple[tuple[str, str], ...] = field(default=())

    @property
    def batches(self) -> set[str]:
        """Return the batches that it is about."""
        if self.about is not None:
            return set() if self.about.batch_id is None else {self.about.batch_id}
        return {parts[0] for email_id, _ in self.events if (parts := split_recipient_id(email_id))}

    def __str__(self) -> str:
        if self.about is not None:
            return str(self.about)
        named = sorted({email_id for email_id, _ in self.events if email_id})
        if named:
            return f"SES events of {', '.join(named)}"
        return "SES events" if self.events else "nothing that EMS knows"


def read(queue: str, message: ReceivedMessage) -> QueuedMessage:
    """Read a message that was received from *queue*."""
    try:
        return _read(queue, message)
    except (ValueError, KeyError, TypeError, AttributeError):
        # What somebody else put there may have any shape.
        return QueuedMessage(queue, message.message_id)


def _read(queue: str, message: ReceivedMessage) -> QueuedMessage:
    match messages.header_of(message.body, "task"):
        case messages.DELIVER_CHUNK:
            label = ChunkLabel.of_body(message.body)
            about = Waiting(batch_id=label.batch_id, chunk=label.chunk)
            return QueuedMessage(queue, message.message_id, frozenset({label.campaign_id}), about)
        case messages.DELIVER_EMAIL:
            mail = messages.arguments_of(message.body)["mail"]
            about = Waiting(email_id=str(mail["email_id"]))
            return QueuedMessage(queue, message.message_id, frozenset({str(mail["campaign_id"])}), about)
        case messages.TRACK_EVENT:
            return _of_events(queue, message.message_id, tracked_texts(**messages.arguments_of(message.body)))
        case _ if queue.startswith(queues.EVENTS):
            return _of_events(queue, message.message_id, [message.body])
        case _:
            return QueuedMessage(queue, message.message_id)


def _of_events(queue: str, message_id: str, texts: Iterable[str]) -> QueuedMessage:
    posted = [event for text in texts if (event := unwrap(text)) is not None]
    parsed = [one for event in posted for one in parse(event) if one.email_id or one.message_id]
    campaigns = frozenset(one.campaign_id for one in parsed if one.campaign_id)
    return QueuedMessage(queue, message_id, campaigns, events=tuple((one.email_id or "", one.key) for one in parsed))
