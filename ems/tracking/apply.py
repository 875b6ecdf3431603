"""Applying an event to the mail that it is about: exactly once, whatever arrives first and however often."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from ems.errors import UnavailableError
from ems.store.status import Status, current
from ems.store.suppressions import Suppressions
from ems.store.tracking import RaceLostError, TrackedMail, TrackingStore, TrackingWrite, derived_email_id
from ems.tracking.decide import decide
from ems.tracking.events import EventType, SesEvent
from ems.tracking.protection import verdict_on

ATTEMPTS = 10
"""Enough for ten events of one mail at the same moment; the queue brings back what loses even so."""

SUPPRESSION_SOURCE = "ses-event"


class Outcome(StrEnum):
    """What applying an event came to."""

    APPLIED = "applied"
    REPEATED = "repeated"
    """Applied before, or a second voice of what another event says of the whole mail."""
    IGNORED = "ignored"
    """Names no mail, or is of an unknown type and about a mail that is not ours."""


@dataclass(frozen=True, slots=True)
class Applied:
    """The result of one event. ``status`` is the mail's as callers see it afterwards."""

    outcome: Outcome
    email_id: str | None = None
    status: Status | None = None
    settled_doubt: bool = False
    suppressed: bool = False


class Tracker:
    """Finds the mail of an event and applies it.

    Args:
        store: The rows.
        suppressions: The list that hard bounces and complaints go on.
        clock: Epoch seconds, for what is written about now.
        sleep: Waits between attempts.
        jitter: A number from 0 to 1, so that two losers of a race do not meet again.
    """

    def __init__(
        self,
        *,
        store: TrackingStore,
        suppressions: Suppressions,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._suppressions = suppressions
        self._clock = clock
        self._sleep = sleep
        self._jitter = jitter

    def apply(self, event: SesEvent) -> Applied:
        """Apply *event*; repeating a call changes nothing.

        Raises:
            UnavailableError: DynamoDB cannot be reached or the row stays contended: bring the event again.
        """
        for attempt in range(ATTEMPTS):
            mail = self._find(event)
            if mail is None:
                return Applied(Outcome.IGNORED)
            write = decide(mail, event)
            if write is None:
                return Applied(Outcome.REPEATED, mail.email_id, _status(mail, None))
            # Before the row: a worker killed in between comes back to it, since the row does not know the event yet.
            suppressed = self._protect(event, mail)
            try:
                self._store.save(mail, write)
            except RaceLostError:
                self._sleep(self._jitter() * min(0.01 * 2**attempt, 0.5))
            else:
                return Applied(Outcome.APPLIED, mail.email_id, _status(mail, write), write.settles_doubt, suppressed)
        raise UnavailableError("DynamoDB", "the row of a mail stays contended")

    def _find(self, event: SesEvent) -> TrackedMail | None:
        """By our tag, else by SES's message id, else under an id that all events of the mail and recipient share."""
        if event.email_id is not None:
            return self._store.load(event.email_id)
        if not event.message_id:
            return None
        email_id = self._store.find(event.message_id, event.recipient)
        if email_id is not None:
            return self._store.load(email_id)
        if event.type is EventType.UNKNOWN:
            return None
        # The index may lag behind: load looks whether the row is there after all.
        mail = self._store.load(derived_email_id(event.message_id, event.recipient))
        return mail if mail.version is not None else TrackedMail(mail.email_id, recipient=event.recipient)

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


def _status(mail: TrackedMail, write: TrackingWrite | None) -> Status:
    if write is None:
        return current(mail.send_status, mail.event_status)
    send_status = Status.SENT if write.settles_doubt else mail.send_status
    return current(send_status, write.event_status)
