"""Reading mails: what has become of each, composed from what the sender and the events say."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ems.errors import InvalidError, UnknownIdError
from ems.sending.addresses import AddressError, normalise
from ems.store.email_pages import EmailPages
from ems.store.models import TrackerRow
from ems.store.pages import Page
from ems.store.recipient_ids import split_recipient_id
from ems.store.status import Status, current


@dataclass(frozen=True, slots=True)
class EmailView:
    """One mail and its history. Times are epoch seconds.

    ``timeline`` holds the events in full (the first hundred or so), ``moments`` per event type
    ``{"first": t, "last": t, "count": n}``. ``chunk`` numbers the chunk of the batch that the mail is in.
    ``doubted_at`` is when it last came into doubt, ``in_doubt_since`` the same while it is. ``may_pass`` marks a
    failure whose reason may pass, ``repeats`` names the mail as whose possible duplicate it was held, ``decisions`` are
    those about sending it, again or at all, and ``other_message_ids`` name the other messages that SES made of it.
    ``request_id`` is what the logs know the request by that it was accepted with. ``erased_at`` is when its recipient
    was erased.
    """

    email_id: str
    status: Status
    request_id: str | None = None
    campaign_id: str | None = None
    batch_id: str | None = None
    chunk: int | None = None
    recipient: str | None = None
    message_id: str | None = None
    reason: str | None = None
    may_pass: bool = False
    repeats: str | None = None
    doubted_at: float | None = None
    in_doubt_since: float | None = None
    attempts: int = 0
    decisions: list[Mapping[str, Any]] = field(default_factory=list)
    other_message_ids: list[str] = field(default_factory=list)
    created_at: float | None = None
    sent_at: float | None = None
    erased_at: float | None = None
    timeline: list[dict[str, Any]] = field(default_factory=list)
    moments: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


class Emails:
    """Reads mails.

    *pending_status* answers for the mails of a batch that no sender has come to yet: they have no row. For the same
    reason the listings do not show them.
    """

    def __init__(self, store: EmailPages, *, pending_status: Callable[[str], str | None]) -> None:
        self._store = store
        self._pending_status = pending_status

    def get(self, email_id: str) -> EmailView:
        """Read one mail.

        Raises:
            UnknownIdError: There is none of this id.
        """
        row = self._store.get(email_id)
        if row is not None:
            return _view(row)
        in_batch = split_recipient_id(email_id)
        pending = self._pending_status(email_id) if in_batch else None
        if in_batch is None or pending is None:
            raise UnknownIdError("email", email_id)
        return EmailView(email_id=email_id, status=Status(pending), batch_id=in_batch[0])

    def of_message(self, message_id: str, *, limit: int, cursor: str | None = None) -> Page[EmailView]:
        """List the mails of one SES message id."""
        return _views(self._store.of_message(message_id, limit=limit, cursor=cursor))

    def of_recipient(self, recipient: str, *, limit: int, cursor: str | None = None) -> Page[EmailView]:
        """List the mails to one address.

        Raises:
            InvalidError: It is no address.
        """
        try:
            address = normalise(recipient).lower()
        except AddressError as error:
            raise InvalidError("recipient", str(error)) from None
        return _views(self._store.of_recipient(address, limit=limit, cursor=cursor))

    def of_campaign(
        self, campaign_id: str, *, status: Status | None = None, limit: int, cursor: str | None = None
    ) -> Page[EmailView]:
        """List the mails of a campaign, of one status if asked. A page may be short and still have a next."""

        def wanted(row: TrackerRow) -> bool:
            return status is None or current(row.send_status, row.event_status) is status

        return _views(self._store.of_campaign(campaign_id, wanted=wanted, limit=limit, cursor=cursor))

    def all_of_campaign(
        self, campaign_id: str, *, batch_id: str | None = None, status: Status | None = None
    ) -> Iterator[list[EmailView]]:
        """Yield the mails of a campaign, or of one of its batches, of one status if asked, as they are asked for.

        For exports: without timeline and what else no export shows. A list may be empty and others still follow.
        """
        for rows in self._store.all_of_campaign(campaign_id, batch_id=batch_id):
            yield [view for view in map(_view, rows) if status in {None, view.status}]


def _views(page: Page[TrackerRow]) -> Page[EmailView]:
    return Page([_view(row) for row in page.items], page.next)


def _view(row: TrackerRow) -> EmailView:
    status = current(row.send_status, row.event_status)
    return EmailView(
        email_id=row.email_id,
        status=status,
        request_id=row.request_id,
        campaign_id=row.campaign_id,
        batch_id=row.batch_id,
        chunk=None if row.chunk is None else int(row.chunk),
        recipient=row.recipient,
        message_id=row.message_id,
        reason=row.reason,
        may_pass=status is Status.FAILED and bool(row.may_pass),
        repeats=row.repeats,
        doubted_at=_seconds(row.doubted_at),
        in_doubt_since=_seconds(row.doubted_at) if status is Status.IN_DOUBT else None,
        attempts=int(row.attempts or 0),
        decisions=list(row.decisions or []),
        other_message_ids=sorted((row.message_ids or set()) - {row.message_id}),
        created_at=_seconds(row.created_at),
        sent_at=_seconds(row.sent_at),
        erased_at=_seconds(row.erased_at),
        timeline=list(row.timeline or []),
        moments=dict(row.moments or {}),
    )


def _seconds(stored: float | None) -> float | None:
    return None if stored is None else float(stored)
