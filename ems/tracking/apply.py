"""Applying events to their mails: each exactly once, in whatever order, however often they come."""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import structlog

from ems.errors import UnavailableError
from ems.store.counters import difference
from ems.store.feed import FeedEvent
from ems.store.status import current
from ems.store.suppressions import Suppressions
from ems.store.tracking import (
    DERIVED_PREFIX,
    MailWrite,
    RaceLostError,
    TrackedMail,
    TrackingStore,
    TrackingWrite,
    derived_email_id,
    fits,
)
from ems.tracking.contribution import contribution
from ems.tracking.decide import Decision, decide_all, is_for_main_recipient, mail_after
from ems.tracking.events import EventType, SesEvent
from ems.tracking.forget import history_without
from ems.tracking.in_hand import InHand
from ems.tracking.outcomes import UNWATCHED, Applied, Outcome, TrackingWatch
from ems.tracking.protection import verdict_on

log = structlog.get_logger(__name__)

ATTEMPTS_TOGETHER = 3
"""Then the mails of a group go on one by one: a contended row must not hold up the others."""

ATTEMPTS = 10
"""Enough for ten events of one mail at the same moment; the queue brings back what loses even so."""

SUPPRESSION_SOURCE = "ses-event"


class _Key(NamedTuple):
    """Whose events are decided together: those of one mail and SES message."""

    email_id: str
    message_id: str


@dataclass(frozen=True, slots=True)
class _Step:
    """What is to be written for a mail, None for nothing, and what has come of its events once that is written."""

    applied: Applied
    news: tuple[SesEvent, ...] = ()
    write: MailWrite | None = None


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

        The rows of all are read at once, and written at once with the counters that they move.

        Returns:
            One result for each mail and SES message, in the order in which the events name them.

        Raises:
            UnavailableError: DynamoDB cannot be reached or a row stays contended: bring the events again.
        """
        groups: dict[tuple[str | None, str], list[SesEvent]] = {}
        for event in events:
            groups.setdefault((self._find(event), event.message_id), []).append(event)
        named = {_Key(mail, message): group for (mail, message), group in groups.items() if mail is not None}
        applied: dict[_Key, Applied] = {}
        with self._in_hand.hold({key.email_id for key in named}):
            for together in _rounds(named):
                applied |= self._apply_together(together)
        ignored = _Step(Applied(Outcome.IGNORED))
        return [self._told(ignored) if mail is None else applied[_Key(mail, message)] for mail, message in groups]

    def _apply_together(self, groups: Mapping[_Key, Sequence[SesEvent]]) -> dict[_Key, Applied]:
        """Apply *groups*, each of another mail: in one transaction or, if it does not come about, one by one."""
        alone = len(groups) == 1
        for attempt in range(ATTEMPTS if alone else ATTEMPTS_TOGETHER):
            mails = self._store.load(key.email_id for key in groups)
            steps = {key: self._step(mails[key.email_id], group) for key, group in groups.items()}
            writes = [step.write for step in steps.values() if step.write is not None]
            if not alone and not fits(writes):
                break
            if not writes or self._saved(writes):
                return {key: self._told(step) for key, step in steps.items()}
            self._sleep(self._jitter() * min(0.01 * 2**attempt, 0.5))
        if alone:
            raise UnavailableError("DynamoDB", "the row of a mail stays contended")
        one_by_one = [self._apply_together({key: group}) for key, group in groups.items()]
        return {key: applied for one in one_by_one for key, applied in one.items()}

    def _step(self, mail: TrackedMail, events: Sequence[SesEvent]) -> _Step:
        about = _with_recipient(mail, events[0])
        decision = decide_all(about, events)
        if decision is None:
            status = current(mail.send_status, mail.event_status)
            return _Step(Applied(Outcome.REPEATED, mail.email_id, status))
        # Before the row: a worker killed in between comes back to it, since the row does not know the event yet.
        suppressed = [self._protect(event, mail) for event in decision.news]
        write = self._without_erased(mail, decision)
        after = mail_after(mail, write)
        counts = difference(contribution(after), contribution(mail))
        status = current(after.send_status, after.event_status)
        applied = Applied(Outcome.APPLIED, mail.email_id, status, write.settles_doubt, any(suppressed))
        return _Step(applied, decision.news, MailWrite(mail, write, counts, _news(about, after, decision.news)))

    def _told(self, step: _Step) -> Applied:
        if step.write is None:
            self._watch.had_no_effect(step.applied)
            return step.applied
        self._watch.counted(step.news, step.applied)
        log.info(
            "events counted",
            email_id=step.applied.email_id,
            message_id=step.news[0].message_id,
            types=[event.type.value for event in step.news],
            status=step.applied.status,
            request_id=step.write.mail.request_id,
        )
        return step.applied

    def _saved(self, writes: Sequence[MailWrite]) -> bool:
        try:
            self._store.save(*writes)
        except RaceLostError:
            return False
        return True

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


def _news(before: TrackedMail, after: TrackedMail, events: Iterable[SesEvent]) -> list[FeedEvent]:
    """Return those of *events* that came onto the mail's history with this write; others settled a doubt alone."""
    return [
        FeedEvent(
            type=event.type.value,
            email_id=after.email_id,
            key=event.key,
            at=event.at,
            campaign_id=after.campaign_id,
            main=is_for_main_recipient(before, event),
        )
        for event in events
        if event.key in after.seen and event.key not in before.seen
    ]


def _with_recipient(mail: TrackedMail, event: SesEvent) -> TrackedMail:
    """Say whom a row is about that does not name its recipient.

    A row to come that an event names by its recipient is about that one, any other about the first that SES lists.
    """
    if mail.erased and mail.recipient is None:
        return replace(mail, recipient=next(iter(event.destination), None))
    is_new = mail.version is None and mail.email_id.startswith(DERIVED_PREFIX)
    return replace(mail, recipient=event.recipient) if is_new else mail


def _rounds(groups: Mapping[_Key, Sequence[SesEvent]]) -> Iterator[dict[_Key, Sequence[SesEvent]]]:
    """Yield *groups* such that no mail stands twice in one round: two messages of a mail are two writes of its row."""
    left = dict(groups)
    while left:
        together = {key.email_id: key for key in reversed(left)}
        yield {key: left.pop(key) for key in reversed(together.values())}
