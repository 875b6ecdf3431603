"""Accepting requests: after the answer 202 a mail survives the loss of any process."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Protocol

from ems import queues
from ems.errors import ConflictError, InvalidError, NoValidRecipientError, TooLargeError, UnavailableError
from ems.links import UnsubscribeLinks
from ems.sending import ids
from ems.sending.canary import chunks_of_canary
from ems.sending.payloads import CHUNK_RECIPIENTS, ChunkPayload, ChunkRecipient, SinglePayload
from ems.sending.ports import QueueSender
from ems.sending.recipients import Checked, check, chunked
from ems.sending.requests import AcceptedBatch, AcceptedEmail, BulkRequest, Caller, SingleRequest
from ems.sending.single_mail import single_payload
from ems.sending.waiting import WaitingRoom
from ems.store.batches import BEFORE_ACCEPTED, Batch, BatchStore
from ems.store.campaigns import Campaign
from ems.store.singles import Existing, SingleRow, Singles
from ems.store.status import Status


class CampaignReader(Protocol):
    """Where campaigns come from."""

    def get(self, campaign_id: str) -> Campaign:
        """Return the campaign or raise UnknownIdError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The most that one request may carry: recipients, and seconds by which its ``send_at`` lies ahead.

    ``canary`` is how many recipients of a bulk go out before the rest; with 0 all may.
    """

    recipients: int
    ahead_seconds: float
    canary: int = 0


class Acceptance:
    """Turns valid requests into durable work.

    *chunk_size* says how many recipients a chunk should have, or raises UnavailableError; *clock* gives epoch seconds.
    """

    def __init__(  # noqa: PLR0913 - each of them is a part of accepting
        self,
        *,
        campaigns: CampaignReader,
        singles: Singles,
        batches: BatchStore,
        queue: QueueSender,
        chunk_size: Callable[[], int],
        waiting: WaitingRoom,
        links: UnsubscribeLinks,
        limits: Limits,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._campaigns = campaigns
        self._singles = singles
        self._batches = batches
        self._queue = queue
        self._chunk_size = chunk_size
        self._waiting = waiting
        self._links = links
        self._limits = limits
        self._clock = clock

    def single(self, request: SingleRequest, caller: Caller) -> AcceptedEmail:
        """Accept one mail: the row first, then the queue.

        Raises:
            UnknownIdError: There is no such campaign.
            InvalidError: A field cannot be accepted.
            ConflictError: The idempotency key belongs to another request.
            UnavailableError: DynamoDB or SQS cannot take it, or a setting is missing; nothing will be sent.
        """
        email_id = ids.new_id("email", key_id=caller.key_id, idempotency_key=caller.idempotency_key)
        fingerprint = ids.fingerprint(asdict(request))
        if caller.idempotency_key is not None:
            # Before anything is checked: a repetition gets its first answer, also when the campaign has changed since.
            known = self._singles.find(email_id)
            if known is not None and known.fingerprint == fingerprint and known.enqueued:
                return AcceptedEmail(email_id, known.status)
        campaign = self._campaign(request.campaign_id)
        window = _window(campaign, caller)
        payload = single_payload(
            campaign, request, email_id, window_seconds=window, now=self._clock(), request_id=caller.request_id
        )
        recipient = payload.to.lower()
        row = SingleRow(email_id, campaign.campaign_id, campaign.kind, recipient, fingerprint, caller.request_id)
        existing = self._singles.create(row)
        if existing is not None:
            return self._repeated(existing, row, payload)
        self._enqueue_single(payload)
        if caller.idempotency_key is not None:
            self._mark_enqueued(email_id)
        return AcceptedEmail(email_id, Status.QUEUED)

    def bulk(self, request: BulkRequest, caller: Caller) -> AcceptedBatch:
        """Accept many mails: the batch, then its chunks, then the word that it may start.

        Raises:
            UnknownIdError: There is no such campaign.
            InvalidError: A field cannot be accepted.
            NoValidRecipientError: No recipient can be accepted.
            TooLargeError: More recipients than one request may carry.
            ConflictError: The idempotency key belongs to another request.
            UnavailableError: DynamoDB or SQS cannot take it, or a setting is missing; nothing will be sent.
        """
        batch_id = ids.new_id("batch", key_id=caller.key_id, idempotency_key=caller.idempotency_key)
        fingerprint = ids.fingerprint(_content(request))
        if caller.idempotency_key is not None:
            # Before anything is checked: a repetition gets its first answer, also when the campaign has changed since.
            known = self._batches.get(batch_id)
            if known is not None and known.accepted and known.fingerprint == fingerprint:
                rejected = check(known, request.recipients, shared=request.data).rejected
                return AcceptedBatch(batch_id, known.total, rejected)
        campaign = self._campaign(request.campaign_id)
        checked = self._checked(campaign, request)
        size = self._size_of_chunks()
        chunks = list(chunked(checked.accepted, shared=request.data, size=size))
        batch = _batch(campaign, request, batch_id, fingerprint, checked, chunks=chunks, size=size, now=self._clock())
        batch = replace(batch, request_id=caller.request_id, canary=self._canary(batch))
        existing = self._batches.create(batch)
        if existing is None or self._must_resume(existing, batch):
            if existing is not None and existing.chunk_size != size:
                # Chunks of the earlier attempt may be on their way: a number must never mean two sets of recipients.
                chunks = list(chunked(checked.accepted, shared=request.data, size=existing.chunk_size))
            window = _window(campaign, caller)
            payloads = _chunk_payloads(campaign, batch, chunks, data=request.data, window=window)
            # The recorded batch says how many of them are its canary.
            self._waiting.admit(existing or batch, payloads)
            self._start(batch)
        return AcceptedBatch(batch_id, batch.total if existing is None else existing.total, checked.rejected)

    def _campaign(self, campaign_id: str) -> Campaign:
        """Return a campaign whose mails can be sent as they must be."""
        campaign = self._campaigns.get(campaign_id)
        self._links.require(campaign.kind)
        return campaign

    def _checked(self, campaign: Campaign, request: BulkRequest) -> Checked:
        number = len(request.recipients)
        if number == 0:
            raise InvalidError("recipients", "name at least one recipient")
        if number > self._limits.recipients:
            raise TooLargeError(
                f"recipients has {number} entries; one request takes {self._limits.recipients}: split it into several"
            )
        if request.send_at is not None and request.send_at > self._clock() + self._limits.ahead_seconds:
            days = int(self._limits.ahead_seconds // 86_400)
            raise InvalidError("send_at", f"choose a time within the next {days} days")
        checked = check(campaign, request.recipients, shared=request.data)
        if not checked.accepted:
            raise NoValidRecipientError(checked.rejected)
        return checked

    def _canary(self, batch: Batch) -> int:
        if batch.kind != "bulk":
            return 0
        return chunks_of_canary(recipients=self._limits.canary, total=batch.total, chunk_size=batch.chunk_size)

    def _size_of_chunks(self) -> int:
        try:
            return self._chunk_size()
        except UnavailableError:
            return CHUNK_RECIPIENTS  # the rate is not known: what costs least

    def _must_resume(self, existing: Batch, batch: Batch) -> bool:
        """Tell whether an earlier attempt at the same request died before it was accepted."""
        if existing.fingerprint != batch.fingerprint:
            raise ConflictError("this Idempotency-Key was used for another request; choose a new one")
        if existing.accepted:
            return False
        if existing.template_name != batch.template_name:
            raise ConflictError(
                "the campaign changed after a first attempt at this request; send it with a new Idempotency-Key"
            )
        return self._batches.move(batch.batch_id, "accepting", allowed=BEFORE_ACCEPTED, at=batch.updated_at)

    def _start(self, batch: Batch) -> None:
        """Say that all chunks are where they wait.

        Only the latest attempt may: the drainer may have given an earlier one up and dropped chunks of it.
        """
        if self._batches.move(batch.batch_id, "waiting", allowed=("accepting",), seen=batch.updated_at):
            return
        recorded = self._batches.get(batch.batch_id)
        if recorded is None or not recorded.accepted:
            raise UnavailableError("this Idempotency-Key", "another request with it is still being accepted")

    def _repeated(self, existing: Existing, row: SingleRow, payload: SinglePayload) -> AcceptedEmail:
        if existing.fingerprint != row.fingerprint:
            raise ConflictError("this Idempotency-Key was used for another request; choose a new one")
        if not existing.enqueued and existing.status is Status.QUEUED:
            self._queue.send(queues.TRIGGER, [payload.message()])
            self._mark_enqueued(row.email_id)
        return AcceptedEmail(row.email_id, existing.status)

    def _enqueue_single(self, payload: SinglePayload) -> None:
        try:
            self._queue.send(queues.TRIGGER, [payload.message()])
        except UnavailableError:
            # SQS may have the message although the answer was lost; without its row it will not be sent.
            if self._singles.withdraw(payload.email_id):
                raise

    def _mark_enqueued(self, email_id: str) -> None:
        if not self._singles.mark_enqueued(email_id):
            raise UnavailableError("SQS", "another request with this Idempotency-Key could not enqueue the mail")


def _batch(
    campaign: Campaign,
    request: BulkRequest,
    batch_id: str,
    fingerprint: str,
    checked: Checked,
    *,
    chunks: Sequence[Sequence[ChunkRecipient]],
    size: int,
    now: float,
) -> Batch:
    return Batch(
        batch_id=batch_id,
        campaign_id=campaign.campaign_id,
        kind=campaign.kind,
        name=request.name,
        state="accepting",
        requested=len(request.recipients),
        total=len(checked.accepted),
        chunks=len(chunks),
        chunk_size=size,
        template_name=campaign.template_name,
        subject=campaign.subject,
        variables=campaign.variables,
        fingerprint=fingerprint,
        send_at=request.send_at,
        created_at=now,
        updated_at=now,
    )


def _content(request: BulkRequest) -> dict[str, Any]:
    """Return the request as JSON; ``asdict`` would copy 50,000 recipients."""
    return {field.name: getattr(request, field.name) for field in fields(request)}


def _chunk_payloads(
    campaign: Campaign,
    batch: Batch,
    chunks: Iterable[Sequence[ChunkRecipient]],
    *,
    data: Mapping[str, Any],
    window: int,
) -> Iterator[ChunkPayload]:
    for number, recipients in enumerate(chunks):
        yield ChunkPayload(
            batch_id=batch.batch_id,
            chunk=number,
            campaign_id=campaign.campaign_id,
            kind=campaign.kind,
            sender=campaign.sender,
            template_name=campaign.template_name,
            recipients=tuple(recipients),
            reply_to=tuple(campaign.reply_to),
            data=data,
            duplicate_window_seconds=window,
            accepted_at=batch.created_at,
            request_id=batch.request_id,
        )


def _window(campaign: Campaign, caller: Caller) -> int:
    """Whoever names each request by a key keeps its repetitions apart: another key is another mail."""
    return 0 if caller.idempotency_key is not None else campaign.duplicate_window_seconds
