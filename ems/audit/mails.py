"""What must hold of one mail's row by itself, and what its events ask of the suppression list."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from ems.audit.findings import Break, Kind
from ems.sending.doubt_policy import RESEND
from ems.sending.retry import RETRY
from ems.store.audit_entries import MailEntry
from ems.store.facts import Facts
from ems.store.recipient_ids import batch_of
from ems.store.status import Status
from ems.store.tracking import DERIVED_PREFIX
from ems.tracking.events import EventType
from ems.tracking.kinds import type_of
from ems.tracking.protection import verdict_on
from ems.tracking.readers import kinds_of
from ems.tracking.replay import replayed
from ems.tracking.status import evidence_of, next_status

Moments = dict[str, dict[str, Any]]

TAKEN_FOR_SENT = (Status.SENT.value,)
"""The last decision about a mail in doubt that an operator considers sent (:mod:`ems.sending.resolve`)."""

SENT_AGAIN = frozenset({RESEND, RETRY})
"""Decisions after which SES may make another message of a mail."""

_STATUSES = frozenset(Status)


def breaks_of(mail: MailEntry) -> Iterator[Break]:
    """Yield what is wrong with the row of *mail*."""
    yield from _wrong_status(mail)
    if mail.send_status == Status.SENT and not (mail.message_ids or mail.seen or mail.decisions[-1:] == TAKEN_FOR_SENT):
        # An event proves a sending by itself, and an operator may take a mail in doubt for sent.
        yield Break(Kind.NO_MESSAGE_ID, mail.email_id, "sent, with neither a message id nor an event of SES")
    made, decided = len(_messages_made(mail)), sum(one in SENT_AGAIN for one in mail.decisions)
    if made > 1 + decided:
        yield Break(
            Kind.TWICE, mail.email_id, f"SES made {made} messages of it, after {decided} decisions to send it again"
        )
    if mail.send_status is None and batch_of(mail.email_id, mail.batch_id) is None and _was_taken(mail):
        yield Break(Kind.UNRECORDED, mail.email_id, "SES has sent it, and no sender recorded that")
    yield from _wrong_events(mail)


def calls_for_suppression(mail: MailEntry) -> dict[str, float]:
    """Return the addresses that the events of *mail* put on the suppression list, each with the last event's time."""
    called: dict[str, float] = {}
    for event in replayed(mail):
        if event.recipient is not None and verdict_on(event) is not None:
            called[event.recipient] = max(event.at, called.get(event.recipient, event.at))
    return called


def _messages_made(mail: MailEntry) -> set[str]:
    """Return the message ids under which the sender or an event knows *mail*; the timeline names those of others."""
    told = {str(entry["message_id"]) for entry in mail.timeline if entry.get("message_id")}
    return told | mail.message_ids


def _was_taken(mail: MailEntry) -> bool:
    return EventType.SEND.value in mail.moments and not mail.email_id.startswith(DERIVED_PREFIX)


def _wrong_status(mail: MailEntry) -> Iterator[Break]:
    for name, value in (("send_status", mail.send_status), ("event_status", mail.event_status)):
        if value is not None and value not in _STATUSES:
            yield Break(Kind.STATUS, mail.email_id, f"{name} is {value!r}, which is no status")


def _wrong_events(mail: MailEntry) -> Iterator[Break]:
    """Count the timeline again: the counters, first and last times, and the status that they have proved."""
    keys = [entry.get("key") for entry in mail.timeline]
    if len(set(keys)) < len(keys) or not mail.seen.issuperset(keys):
        yield Break(Kind.EVENTS, mail.email_id, "an event stands twice on its timeline, or was never counted")
        return
    counted = {kind: int(moment["count"]) for kind, moment in mail.moments.items()}
    if sum(counted.values()) > len(mail.seen):
        yield Break(
            Kind.EVENTS, mail.email_id, f"counts {sum(counted.values())} events and knows of {len(mail.seen)} only"
        )
        return
    # Complete, and about the main recipient alone: those of copies are on the timeline and not counted.
    complete = len(keys) == len(mail.seen) and not any("recipient" in entry for entry in mail.timeline)
    differences = list(_differences(mail)) if complete else []
    yield from differences
    if mail.facts is not None and not differences and (by_type := _by_type(mail.facts)) != counted:
        yield Break(Kind.EVENTS, mail.email_id, f"counts {counted}, and {by_type} for the statistics")


def _by_type(facts: Facts) -> dict[str, int]:
    types: Counter[str] = Counter()
    for kind, tally in kinds_of(facts).items():
        types[type_of(kind).value] += tally.number
    return dict(types)


def _differences(mail: MailEntry) -> Iterator[Break]:
    status, moments = Status.QUEUED, Moments()
    for event in replayed(mail):
        status = next_status(status, evidence_of(event))
        moment = moments.setdefault(event.type.value, {"first": event.at, "last": event.at, "count": 0})
        moment["first"] = min(moment["first"], event.at)
        moment["last"] = max(moment["last"], event.at)
        moment["count"] += 1
    for kind in sorted({*moments, *mail.moments}):
        told, found = _said(mail.moments.get(kind)), _said(moments.get(kind))
        if found != told:
            yield Break(Kind.EVENTS, mail.email_id, f"{kind}: counts {told}, its timeline {found}")
    proved = None if status is Status.QUEUED else status.value
    if proved != mail.event_status and mail.event_status in {None, *_STATUSES}:
        yield Break(
            Kind.EVENTS, mail.email_id, f"its events prove {proved}, and its event_status is {mail.event_status}"
        )


def _said(moment: Mapping[str, Any] | None) -> str:
    if moment is None:
        return "none"
    return f"{int(moment['count'])} (first {moment['first']:.3f}, last {moment['last']:.3f})"
