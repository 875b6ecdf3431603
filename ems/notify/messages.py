"""What the backend reads of an event: an item of ``GET /events``, and the body of a post to an endpoint.

The feed keeps where an event lies and whom it is about; everything else is read from the mail's row when it is told.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from ems.store.feed_reader import PlacedEvent
from ems.store.status import Status, current
from ems.store.tracking import TrackedMail


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)


class EventData(_Message):
    """The mail that an event is about, and what SES says about the event."""

    email_id: str
    campaign_id: str | None
    batch_id: str | None
    message_id: str | None = Field(description="The SES message.")
    recipient: str | None = Field(description="Whom it is about; null once the mail's record is gone or erased.")
    status: Status | None = Field(description="The mail's status at the time of telling, not of the event.")
    hard: bool | None = Field(default=None, description="Of a bounce: whether it is permanent.")
    detail: dict[str, Any] = Field(
        default_factory=dict,
        description="As in the timeline of GET /emails/{email_id}; empty for what it has no room for.",
    )


class EventMessage(_Message):
    """One event, in the form of Standard Webhooks."""

    id: str = Field(
        description="The same for ever, also when it is posted again (webhook-id).", examples=["evt_03_1841"]
    )
    type: str = Field(description="As in a mail's timeline.", examples=["delivery"])
    timestamp: AwareDatetime = Field(description="When it happened, by SES's clock.")
    data: EventData


class Mails(Protocol):
    """Reads mails (:class:`ems.store.tracking.TrackingStore`)."""

    def load(self, email_ids: Iterable[str]) -> Mapping[str, TrackedMail]:
        """Read mails; one without a row comes back empty."""


class Messages:
    """Turns events of the feed into what the backend reads."""

    def __init__(self, mails: Mails) -> None:
        self._mails = mails

    def of(self, events: Sequence[PlacedEvent]) -> list[EventMessage]:
        """Return the messages of *events*, in their order.

        Raises:
            UnavailableError: DynamoDB cannot be reached.
        """
        if not events:
            return []
        mails = self._mails.load({one.event.email_id for one in events})
        return [message(one, mails[one.event.email_id]) for one in events]


def message(placed: PlacedEvent, mail: TrackedMail) -> EventMessage:
    """Put an event and its mail together."""
    event = placed.event
    entry = next((entry for entry in mail.timeline if entry["key"] == event.key), {})
    known = mail.send_status is not None or mail.event_status is not None
    return EventMessage(
        id=placed.id,
        type=event.type,
        timestamp=datetime.fromtimestamp(event.at, tz=UTC),
        data=EventData(
            email_id=event.email_id,
            campaign_id=event.campaign_id or mail.campaign_id,
            batch_id=mail.batch_id,
            message_id=entry.get("message_id", mail.message_id),
            recipient=mail.recipient if event.main else entry.get("recipient"),
            status=current(mail.send_status, mail.event_status) if known else None,
            hard=entry.get("hard"),
            detail=dict(entry.get("detail", {})),
        ),
    )
