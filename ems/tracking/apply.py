"""Applying events to their mails: each exactly once, in whatever order, however often they come."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

import structlog

from ems.errors import UnavailableError
from ems.store.status import Status, current
from ems.store.suppressions import Suppressions
from ems.store.tracking import (
    DERIVED_PREFIX,
    RaceLostError,
    TrackedMail,
    TrackingStore,
    TrackingWrite,
    derived_email_id,
)
from ems.tracking.decide import Decision, decide_all, mail_after
from ems.tracking.events import EventType, SesEvent
from ems.tracking.forget import history_without
from ems.tracking.in_hand import InHand
from ems.tracking.protection import verdict_on

log = structlog.get_logger(__name__)

ATTEMPTS = 10
"""Enough for ten events of one mail at the same moment; the queue brings back what loses even so."""

SUPPRESSION_SOURCE = "ses-event"


class Outcome(StrEnum):
    """What applying the events of one mail came to."""

    APPLIED = "applied"
    REPEATED = "repeated"
    """Applied before, or a second voice of what another event says of the whole mail."""
    IGNORED = "ignored"
    """Names no mail, or is of an unknown type and about a mail that is not ours."""


@dataclass(frozen=True, slots=True)
class Applied:
    """The result for one mail. ``status`` is the mail's as callers see it afterwards."""

    outcome: Outcome
    email_id: str | None = None
    status: Status | None = None
    settled_doubt: bool = False
    suppressed: bool = False


class TrackingWatch(Protocol):
    """Who is told what events came to (:class:`ems.metrics.tracking.TrackingMetrics`)."""

    def counted(self, events: Sequence[SesEvent], applied: Applied) -> None:
        """Hear that *events* changed a mail together."""

    def had_no_effect(self, applied: Applied) -> None:
        """Hear that the events of an SES message changed nothing."""


class Unwatched:
    """Nobody is told."""

    def counted(self, events: Sequence[SesEvent], applied: Applied) -> None:
        """Do nothing."""

    def had_no_effect(self, applied: Applied) -> None:
        """Do nothing."""


UNWATCHED = Unwatched()


class Tracker:
    """Finds the mails of events and applies them.

    Args:
        store: The rows.
        suppressions: The list that hard bounces and complaints go on.
        clock: Epoch seconds, for what is written about now.
        sleep: Waits between attempts.
        watch: Who is told what events came to.
        jitter: A number from 0 to 1, so that two losers of a race do not meet again.
    """

    def __init__(
        self,
        *,
        store: TrackingStore,
        suppressions: Suppressions,
        watch: TrackingWatch = UNWATCHED,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._suppressions = suppressions
        self._watch = watch
        self._clock = clock
        self._sleep = sleep
        self._jitter = jitter
        self._in_hand = InHand()

    def apply(self, *events: SesEvent) -> list[Applied]:
        """Apply *events*; repeating a call changes nothing.

        The rows of all are read at once, and what one SES message brings to a mail is written at once.

        Returns:
            One result for each mail and SES message, in the order in which the events name them.

        Raises:
            UnavailableError: DynamoDB cannot be reached or a row stays contended: bring the events again.
        """
        groups: dict[tuple[str | None, str], list[SesEvent]] = {}
        for event in events:
            groups.setdefault((self._find(event), event.message_id), []).append(event)
        email_ids = {email_id for email_id, _message_id in groups if email_id is not None}
        with self._in_hand.hold(email_ids):
            mails = self._store.load(email_ids)
            return [
                self._without_effect(Applied(Outcome.IGNORED))
                if email_id is None
                else self._apply(mails[email_id], group)
                for (email_id, _message_id), group in groups.items()
            ]

    def _apply(self, mail: TrackedMail, events: Sequence[SesEvent]) -> Applied:
        for attempt in range(ATTEMPTS):
            decision = decide_all(_with_recipient(mail, events[0]), events)
            if decision is None:
                return self._without_effect(
                    Applied(Outcome.REPEATED, mail.email_id, current(mail.send_status, mail.event_status))
                )
            # Before the row: a worker killed in between comes back to it, since the row does not know the event yet.
            suppressed = [self._protect(event, mail) for event in decision.news]
            write = self._without_erased(mail, decision)
            try:
                self._store.save(mail, write)
            except RaceLostError:
                self._sleep(self._jitter() * min(0.01 * 2**attempt, 0.5))
                mail = self._store.load([mail.email_id])[mail.email_id]
            else:
                applied = _applied(mail, write, suppressed=any(suppressed))
                self._watch.counted(decision.news, applied)
                log.info(
                    "events counted",
                    email_id=mail.email_id,
                    message_id=events[0].message_id,
                    types=[event.type.value for event in decision.news],
                    status=applied.status,
                    request_id=mail.request_id,
                )
                return applied
        raise UnavailableError("DynamoDB", "the row of a mail stays contended")

    def _without_effect(self, applied: Applied) -> Applied:
        self._watch.had_no_effect(applied)
        return applied

    def _find(self, event: SesEvent) -> str | None:
        """By our tag, else by SES's message id, else an id that all events of the mail and recipient share."""
        if event.email_id is not None:
            return event.email_id
        if not event.message_id:
            return None
        email_id = self._store.find(event.message_id, event.recipient)
        if email_id is not None:
            return email_id
        # The index may lag behind: loading shows whether the row is there after all.
        return None if event.type is EventType.UNKNOWN else derived_email_id(event.message_id, event.recipient)

    def _without_erased(self, mail: TrackedMail, decision: Decision) -> TrackingWrite:
        """Leave out of a write what would bring the address of somebody back who was erased.

        An address that the row holds is that of nobody erased: asking about it would cost a call for each event.
        """
        write = decision.write
        named = {write.recipient, *(event.recipient for event in decision.news)} - {None, mail.recipient}
        marked = self._suppressions.erased(one for one in named if one is not None) if named else {}
        # Who was erased before this mail was accepted is somebody anew; only a sender's row says when that was.
        accepted_at = (mail.created_at or 0.0) if mail.send_status is not None else 0.0
        erased = {address for address, at in marked.items() if at >= accepted_at}
        if mail.erased and write.recipient is not None:
            erased.add(write.recipient)
        if not erased:
            return write
        timeline = history_without(write.timeline, erased, main=write.recipient)
        return replace(write, recipient=None if write.recipient in erased else write.recipient, timeline=timeline)

    def _protect(self, event: SesEvent, mail: TrackedMail) -> bool:
        verdict = verdict_on(event)
        if verdict is None or event.recipient is None:
            return False
        return self._suppressions.add(
            event.recipient,
            reason=verdict.reason,
            scope=verdict.scope,
            source=SUPPRESSION_SOURCE,
            since=self._clock(),
            email_id=mail.email_id,
        )


def _with_recipient(mail: TrackedMail, event: SesEvent) -> TrackedMail:
    """Say whom a row is about that does not name its recipient.

    A row to come that an event names by its recipient is about that one, any other about the first that SES lists.
    """
    if mail.erased and mail.recipient is None:
        return replace(mail, recipient=next(iter(event.destination), None))
    is_new = mail.version is None and mail.email_id.startswith(DERIVED_PREFIX)
    return replace(mail, recipient=event.recipient) if is_new else mail


def _applied(mail: TrackedMail, write: TrackingWrite, *, suppressed: bool) -> Applied:
    after = mail_after(mail, write)
    status = current(after.send_status, after.event_status)
    return Applied(Outcome.APPLIED, mail.email_id, status, write.settles_doubt, suppressed)
