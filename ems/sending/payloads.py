"""What travels through the queues: a single mail and a chunk of a batch, complete in themselves.

They carry sender and template name as they were at acceptance, so that a change of the campaign touches no mail in
flight. New fields need defaults: a worker of today must read a message of yesterday. And a worker of yesterday leaves
out the fields it does not know.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Self

from ems import messages
from ems.aws.ses import Mail, Template
from ems.aws.sqs import OutgoingMessage
from ems.links import UnsubscribeLink, UnsubscribeLinks
from ems.messages import TaskMessage
from ems.store.chunk_state import ChunkKey
from ems.store.recipient_ids import recipient_id

CHUNK_RECIPIENTS = 50
"""The most that one chunk holds; at lower rates it holds less (:meth:`ems.governor.policy.Policy.size_of_chunk`)."""

CHUNK_BYTES = 96 * 1024
"""JSON bytes of a chunk's recipients and data. Base64 and the envelope add a third and a little: under 256 KiB even
where a transport encodes once more."""


@dataclass(frozen=True, slots=True)
class SinglePayload:
    """One mail, ready to send.

    ``resend_of`` is the number of SES calls after which ``resend_by`` decided to send it again: the decision holds for
    that doubt alone, however often the message comes. ``released_by`` decided to send it although it was held.

    ``duplicate_window_seconds`` and ``accepted_at`` (epoch seconds) are what the content guard goes by; 0 holds none.
    ``request_id`` is what the logs know the request by that it was accepted with.
    """

    email_id: str
    campaign_id: str
    kind: str
    sender: str
    template_name: str
    to: str
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    reply_to: tuple[str, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    resend_of: int | None = None
    resend_by: str | None = None
    released_by: str | None = None
    duplicate_window_seconds: int = 0
    accepted_at: float = 0.0
    request_id: str | None = None

    @classmethod
    def of(cls, json: Mapping[str, Any]) -> Self:
        """Read the payload from a task's argument."""
        values = _known(cls, json)
        for name in ("cc", "bcc", "reply_to"):
            values[name] = tuple(values.get(name, ()))
        return cls(**values)

    @property
    def addresses(self) -> list[str]:
        """Return whom the mail goes to, in lower case."""
        return [address.lower() for address in (self.to, *self.cc, *self.bcc) if address]

    @property
    def erased(self) -> bool:
        """Tell whether its recipient was erased: nobody is left to send to."""
        return not self.to

    def without(self, erased: Collection[str]) -> "SinglePayload":
        """Return the payload without what it says of persons whose addresses (lower case) were *erased*."""
        if not erased:
            return self
        if self.to.lower() in erased:
            return replace(self, to="", cc=(), bcc=(), reply_to=(), data={}, tags={})
        return replace(
            self,
            cc=_others(self.cc, erased),
            bcc=_others(self.bcc, erased),
            reply_to=_others(self.reply_to, erased),
        )

    def message(self, *, delay_seconds: int = 0) -> OutgoingMessage:
        """Build the queue message."""
        task = TaskMessage(messages.DELIVER_EMAIL, {"mail": asdict(self)}, label=self.email_id)
        return OutgoingMessage(task.body(), delay_seconds=delay_seconds)

    def mail(self, links: UnsubscribeLinks, *, cc: Sequence[str], bcc: Sequence[str]) -> Mail:
        """Build the SES mail to those copies that may be sent; its link is the main recipient's."""
        url = links.url(self.kind, UnsubscribeLink(self.email_id, self.campaign_id, self.to))
        return Mail(
            self.email_id, self.to, self.data, cc=tuple(cc), bcc=tuple(bcc), tags=self.tags, unsubscribe_url=url
        )

    def template(self, configuration_set: str) -> Template:
        """Build what SES needs beside the mail."""
        return Template(self.campaign_id, self.sender, self.template_name, configuration_set, self.reply_to)


@dataclass(frozen=True, slots=True)
class ChunkRecipient:
    """A recipient at ``index`` of the bulk request; of one who was erased ``to`` and ``data`` are empty."""

    index: int
    to: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ChunkPayload:
    """Up to 50 recipients of a batch. ``data`` is shared; a recipient's own data overrides it.

    ``duplicate_window_seconds``, ``accepted_at`` and ``request_id`` are as in :class:`SinglePayload`.
    """

    batch_id: str
    chunk: int
    campaign_id: str
    kind: str
    sender: str
    template_name: str
    recipients: tuple[ChunkRecipient, ...]
    reply_to: tuple[str, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    duplicate_window_seconds: int = 0
    accepted_at: float = 0.0
    request_id: str | None = None

    @classmethod
    def of(cls, json: Mapping[str, Any]) -> Self:
        """Read the payload from a task's argument."""
        values = _known(cls, json)
        values["reply_to"] = tuple(values.get("reply_to", ()))
        values["recipients"] = tuple(ChunkRecipient(index, to, data) for index, to, data in values["recipients"])
        return cls(**values)

    @property
    def addresses(self) -> list[str]:
        """Return whom its mails go to, in lower case."""
        return [recipient.to.lower() for recipient in self.recipients if recipient.to]

    def without(self, erased: Collection[str]) -> "ChunkPayload":
        """Return the payload without what it says of recipients whose addresses (lower case) were *erased*.

        They keep their places, by which the ledger knows them.
        """
        if not erased:
            return self
        recipients = (replace(one, to="", data={}) if one.to.lower() in erased else one for one in self.recipients)
        return replace(self, recipients=tuple(recipients))

    def message(self, *, delay_seconds: int = 0) -> OutgoingMessage:
        """Build the queue message. The group lets SQS give batches fair turns."""
        json = {
            "batch_id": self.batch_id,
            "chunk": self.chunk,
            "campaign_id": self.campaign_id,
            "kind": self.kind,
            "sender": self.sender,
            "template_name": self.template_name,
            "recipients": [[r.index, r.to, r.data] for r in self.recipients],
            "reply_to": self.reply_to,
            "data": self.data,
            "duplicate_window_seconds": self.duplicate_window_seconds,
            "accepted_at": self.accepted_at,
            "request_id": self.request_id,
        }
        task = TaskMessage(
            messages.DELIVER_CHUNK,
            {"chunk": json},
            label=f"{self.batch_id} chunk {self.chunk}",
            headers={messages.CHUNK_HEADER: ChunkLabel.of_payload(self).json()},
        )
        return OutgoingMessage(task.body(), group=self.batch_id, delay_seconds=delay_seconds)

    def key(self) -> ChunkKey:
        """Return the chunk's place in the ledger."""
        size = len(self.recipients)
        return ChunkKey(self.batch_id, self.chunk, self.campaign_id, self.kind, size, self.request_id)

    def email_id(self, position: int) -> str:
        """Name the mail at *position* of the chunk."""
        return recipient_id(self.batch_id, self.recipients[position].index)

    def mails(self, positions: Iterable[int], links: UnsubscribeLinks) -> list[Mail]:
        """Build the SES mails at *positions*."""
        return [self._mail(position, links) for position in positions]

    def _mail(self, position: int, links: UnsubscribeLinks) -> Mail:
        email_id, to = self.email_id(position), self.recipients[position].to
        url = links.url(self.kind, UnsubscribeLink(email_id, self.campaign_id, to))
        return Mail(email_id, to, self.data_of(position), unsubscribe_url=url)

    def data_of(self, position: int) -> dict[str, Any]:
        """Return what the template is filled with at *position*."""
        return {**self.data, **self.recipients[position].data}

    def template(self, configuration_set: str) -> Template:
        """Build what SES needs beside the mails."""
        return Template(self.campaign_id, self.sender, self.template_name, configuration_set, self.reply_to)


@dataclass(frozen=True, slots=True)
class ChunkLabel:
    """What the drainer needs to know of a chunk message; it stands in a header of the message."""

    batch_id: str
    chunk: int
    campaign_id: str
    size: int

    @classmethod
    def of_payload(cls, payload: ChunkPayload) -> Self:
        """Label a payload."""
        return cls(payload.batch_id, payload.chunk, payload.campaign_id, len(payload.recipients))

    @classmethod
    def of_body(cls, body: str) -> Self:
        """Read the label of a chunk message.

        Raises:
            ValueError: The message is no chunk (a foreign message in the queue).
        """
        match messages.header_of(body, messages.CHUNK_HEADER):
            case [str(batch_id), int(chunk), str(campaign_id), int(size)]:
                return cls(batch_id, chunk, campaign_id, size)
            case _:
                raise ValueError("not a chunk message")

    def json(self) -> list[Any]:
        """Return the header's value."""
        return [self.batch_id, self.chunk, self.campaign_id, self.size]


def _others(addresses: Iterable[str], erased: Collection[str]) -> tuple[str, ...]:
    return tuple(address for address in addresses if address.lower() not in erased)


def _known(payload: type[SinglePayload] | type[ChunkPayload], json: Mapping[str, Any]) -> dict[str, Any]:
    names = {one.name for one in fields(payload)}
    return {name: value for name, value in json.items() if name in names}
