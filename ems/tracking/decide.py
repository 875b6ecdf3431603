"""What one event changes on one mail: a pure decision on values, without a clock or a database."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ems.store.facts import Facts
from ems.store.status import OPEN_TO_PROOF, Status
from ems.store.tracking import TrackedMail, TrackingWrite
from ems.tracking.events import ENGAGEMENT, EventType, SesEvent
from ems.tracking.facts import facts_after, facts_of
from ems.tracking.status import Evidence, evidence_of, next_status

TIMELINE_LIMIT = 100
SEEN_LIMIT = 500

_OF_THE_WHOLE_MAIL = (
    EventType.SEND,
    EventType.OPEN,
    EventType.CLICK,
    EventType.REJECT,
    EventType.RENDERING_FAILURE,
    EventType.SUBSCRIPTION,
    EventType.UNSUBSCRIBE,
)
"""Events that do not say which recipient they are about."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One write for several events. ``news`` are those of them that change something."""

    write: TrackingWrite
    news: tuple[SesEvent, ...]


def decide_all(mail: TrackedMail, events: Iterable[SesEvent]) -> Decision | None:
    """Return what *events*, all of *mail* and of one SES message, change together; None when it is nothing.

    The same as applying them one by one, but for the number of writes.
    """
    decision: Decision | None = None
    for event in events:
        write = decide(mail, event)
        if write is None:
            continue
        if decision is not None:
            write = _after(decision.write, write)
        decision = Decision(write, (*(decision.news if decision else ()), event))
        mail = mail_after(mail, write)
    return decision


def mail_after(mail: TrackedMail, write: TrackingWrite) -> TrackedMail:
    """Return *mail* as it is once *write* is written, but for its version."""
    return replace(
        mail,
        message_id=mail.message_id or write.message_id,
        recipient=mail.recipient or write.recipient,
        campaign_id=mail.campaign_id or write.campaign_id,
        send_status=Status.SENT if write.settles_doubt else mail.send_status,
        event_status=write.event_status,
        timeline=write.timeline,
        moments=write.moments,
        seen=write.seen,
        facts=write.facts,
    )


def _after(earlier: TrackingWrite, later: TrackingWrite) -> TrackingWrite:
    """Join two writes; the later one holds what the earlier changed, but for what only fills gaps."""
    return replace(
        later,
        message_id=earlier.message_id or later.message_id,
        recipient=earlier.recipient or later.recipient,
        campaign_id=earlier.campaign_id or later.campaign_id,
        settles_doubt=earlier.settles_doubt or later.settles_doubt,
    )


def decide(mail: TrackedMail, event: SesEvent) -> TrackingWrite | None:
    """Return what *event* changes on *mail*; None when it has been applied before or has nothing to add.

    The result depends on the set of events applied and not on their order, as far as ``event_status``, ``moments``,
    ``seen`` and ``facts`` go; the timeline keeps the order of arrival.
    """
    known = event.key in mail.seen
    settles_doubt = _is_open_to_proof(mail) and evidence_of(event) is not Evidence.UNKNOWN
    if known and not settles_doubt:
        return None
    if known or not _adds(mail, event):
        # The sender recorded its doubt after this event had come: the mail changes, its history does not.
        return _write(mail, event, settles_doubt=True) if settles_doubt else None
    return _write(mail, event, settles_doubt=settles_doubt, counted=is_for_main_recipient(mail, event), kept=True)


def _is_open_to_proof(mail: TrackedMail) -> bool:
    """Tell whether the mail is in doubt, or was and ended otherwise without a proof."""
    if mail.send_status is Status.IN_DOUBT:
        return True
    return mail.doubted and mail.send_status in OPEN_TO_PROOF


def _adds(mail: TrackedMail, event: SesEvent) -> bool:
    if event.type in ENGAGEMENT and len(mail.seen) >= SEEN_LIMIT:
        # Remembering keys without end would outgrow the row, forgetting them would count twice. A number that stops
        # at hundreds of opens is the smaller lie.
        return False
    # One open of a mail to five recipients comes as five values; the main recipient's stands for the mail.
    return is_for_main_recipient(mail, event) or event.type not in _OF_THE_WHOLE_MAIL


def is_for_main_recipient(mail: TrackedMail, event: SesEvent) -> bool:
    """Tell whether the event is about whom the row is about, and not one of the mail's cc and bcc recipients."""
    main = _main_recipient(mail, event)
    return event.recipient == main or main not in event.destination


def _main_recipient(mail: TrackedMail, event: SesEvent) -> str | None:
    """A row that does not know its recipient yet is about the first that SES lists, which is the first of To."""
    return mail.recipient or next(iter(event.destination), event.recipient)


def _write(
    mail: TrackedMail, event: SesEvent, *, settles_doubt: bool, counted: bool = False, kept: bool = False
) -> TrackingWrite:
    return TrackingWrite(
        event_status=_status(mail, event) if counted else mail.event_status,
        timeline=_timeline(mail, event) if kept else mail.timeline,
        moments=_moments(mail, event) if counted else mail.moments,
        seen=mail.seen | {event.key} if kept else mail.seen,
        facts=_facts(mail, event, counted=counted),
        message_id=event.message_id or None,
        recipient=_main_recipient(mail, event),
        campaign_id=event.campaign_id,
        settles_doubt=settles_doubt,
    )


def _status(mail: TrackedMail, event: SesEvent) -> Status | None:
    """Events move ``event_status`` alone, from ``queued`` up; it stays unset until one of them proves something."""
    after = next_status(mail.event_status or Status.QUEUED, evidence_of(event))
    return None if after is Status.QUEUED else after


def _moments(mail: TrackedMail, event: SesEvent) -> dict[str, Mapping[str, Any]]:
    before = mail.moments.get(event.type.value)
    if before is None:
        return {**mail.moments, event.type.value: {"first": event.at, "last": event.at, "count": 1}}
    after = {
        "first": min(before["first"], event.at),
        "last": max(before["last"], event.at),
        "count": before["count"] + 1,
    }
    return {**mail.moments, event.type.value: after}


def _facts(mail: TrackedMail, event: SesEvent, *, counted: bool) -> Facts:
    facts = facts_of(mail)
    facts = replace(facts, campaign_id=facts.campaign_id or mail.campaign_id or event.campaign_id)
    return facts_after(facts, event) if counted else facts


def _timeline(mail: TrackedMail, event: SesEvent) -> tuple[Mapping[str, Any], ...]:
    """Append the event; a full timeline makes room for news about the delivery by dropping its latest open or click."""
    entries = mail.timeline
    if len(entries) >= TIMELINE_LIMIT:
        droppable = [place for place, entry in enumerate(entries) if entry["type"] in ENGAGEMENT]
        if event.type in ENGAGEMENT or not droppable:
            return entries
        entries = entries[: droppable[-1]] + entries[droppable[-1] + 1 :]
    return (*entries, _entry(mail, event))


def _entry(mail: TrackedMail, event: SesEvent) -> dict[str, Any]:
    entry: dict[str, Any] = {"type": event.type.value, "at": event.at, "key": event.key}
    if event.type is EventType.BOUNCE:
        entry["hard"] = event.hard
    if event.recipient != (mail.recipient or event.recipient):
        entry["recipient"] = event.recipient
    if event.message_id != (mail.message_id or event.message_id):
        entry["message_id"] = event.message_id
    return entry | {"detail": dict(event.detail)}
