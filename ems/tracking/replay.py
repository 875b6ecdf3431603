"""Making the events of a row anew from its timeline, as far as their meaning goes."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from ems.tracking.events import EventType, SesEvent

_TYPES = frozenset(EventType)


class HasTimeline(Protocol):
    """A mail as tracking or the audit reads it."""

    @property
    def email_id(self) -> str:
        """Return the mail's id."""

    @property
    def campaign_id(self) -> str | None:
        """Return its campaign."""

    @property
    def recipient(self) -> str | None:
        """Return its main recipient."""

    @property
    def timeline(self) -> Sequence[Mapping[str, Any]]:
        """Return its events as they are kept."""


def replayed(mail: HasTimeline) -> Iterator[SesEvent]:
    """Yield the events on the timeline of *mail*."""
    for entry in mail.timeline:
        kind = entry.get("type")
        yield SesEvent(
            type=EventType(kind) if kind in _TYPES else EventType.UNKNOWN,
            message_id="",
            recipient=entry.get("recipient", mail.recipient),
            destination=(),
            at=entry.get("at", 0.0),
            key=str(entry.get("key")),
            email_id=mail.email_id,
            campaign_id=mail.campaign_id,
            detail=entry.get("detail", {}),
            hard=bool(entry.get("hard")),
        )
