"""Keeping SES's own suppression list and ours in step, both ways; where they differ, the later word counts.

Changes by hand reach SES in the background, one address a second, since SES allows no more; what SES has listed since
is read every hour. Entries for bulk are ours alone: SES's list stops all mail.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import structlog

from ems.aws.suppressed import SesReason, SuppressedAtSes
from ems.errors import UnavailableError
from ems.sending.suppression_sync import SOURCE, SuppressionSync, entry_of
from ems.store.out_of_step import OutOfStep
from ems.store.reasons import Reason, Scope
from ems.store.suppressions import Suppression

log = structlog.get_logger()

PACE_SECONDS = 1.1
"""Between two addresses: SES takes one request of each kind a second."""

READ_EVERY_SECONDS = 3_600.0

OVERLAP_SECONDS = 3_600.0
"""Read again of SES's list, whose clock is not ours."""

AT_ONCE = 100
"""Addresses whose turn one tick looks at."""


class Action(Enum):
    """What an address needs."""

    NOTHING = "nothing"
    PUT = "put on SES's list"
    REMOVE = "taken off SES's list"
    TAKE_OVER = "put on our list"


def needed(ours: Suppression | None, *, removed_at: float, at_ses: SuppressedAtSes | None) -> Action:
    """Decide what brings the two lists in step about one address.

    Args:
        ours: Our entry.
        removed_at: When the address was taken off ours last, in epoch seconds; 0.0 is never.
        at_ses: SES's entry.
    """
    if ours is not None and ours.scope == "all":
        return Action.PUT if at_ses is None else Action.NOTHING
    if at_ses is None:
        return Action.NOTHING
    # Taken off here, or narrowed to bulk: SES may have listed it anew since, by a bounce for instance.
    opened_at = removed_at if ours is None else ours.since
    return Action.REMOVE if at_ses.since <= opened_at else Action.TAKE_OVER


class OurList(Protocol):
    """Our list (:class:`ems.store.suppressions.Suppressions`)."""

    def get(self, address: str) -> Suppression | None:
        """Read an entry; None when there is none."""

    def add(self, address: str, *, reason: Reason, scope: Scope, source: str, since: float) -> bool:
        """Put an address on it, or widen its entry."""


class SesList(Protocol):
    """SES's list (:class:`ems.aws.suppressed.SesSuppressions`)."""

    def get(self, address: str) -> SuppressedAtSes | None:
        """Read an entry; None when there is none."""

    def put(self, address: str, reason: SesReason) -> None:
        """Put an address on it, for BOUNCE or COMPLAINT."""

    def remove(self, address: str) -> bool:
        """Take an address off; False when it was not on it."""


class Notes(Protocol):
    """Which addresses SES is to be told of (:class:`ems.store.out_of_step.OutOfStepNotes`)."""

    def first(self, limit: int) -> Sequence[OutOfStep]:
        """Return some."""

    def done(self, one: OutOfStep) -> None:
        """Forget one."""

    def take_turn(self, *, every_seconds: float) -> bool:
        """Tell whether it is time to read SES's list."""

    def read_until(self) -> float | None:
        """Return until when SES's list has been read."""

    def has_been_read(self, until: float) -> None:
        """Remember until when it has."""


@dataclass(frozen=True, slots=True)
class Lists:
    """The two lists, and the traces of what was taken off ours."""

    ours: OurList
    removed: Callable[[Sequence[str]], Mapping[str, float]]
    ses: SesList


class StepKeeper:
    """Keeps the lists in step, tick by tick. *clock* gives epoch seconds."""

    def __init__(
        self,
        *,
        lists: Lists,
        notes: Notes,
        sync: SuppressionSync,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._lists = lists
        self._notes = notes
        self._sync = sync
        self._clock = clock
        self._sleep = sleep

    def tick(self, *, seconds: float) -> None:
        """Tell SES of changes for up to *seconds*, and read its list if it is time to.

        Raises:
            UnavailableError: DynamoDB cannot be reached, or SES when its list is read; the next tick goes on.
        """
        end = self._clock() + seconds
        for one in self._notes.first(AT_ONCE):
            if self._clock() >= end:
                return
            self._settle(one)
            self._sleep(PACE_SECONDS)
        if self._notes.take_turn(every_seconds=READ_EVERY_SECONDS):
            self._read()

    def _settle(self, one: OutOfStep) -> None:
        try:
            action = self._bring_in_step(one.address)
        except UnavailableError as error:
            # The others may fare better: SES may refuse this one alone.
            log.warning("SES's suppression list not told", reason=str(error))
            return
        self._notes.done(one)
        if action is not Action.NOTHING:
            log.info("suppression lists brought in step", action=action.value)

    def _bring_in_step(self, address: str) -> Action:
        at_ses = self._lists.ses.get(address)
        ours = self._lists.ours.get(address)
        removed_at = self._lists.removed([address]).get(address, 0.0)
        action = needed(ours, removed_at=removed_at, at_ses=at_ses)
        match action:
            case Action.PUT:
                self._lists.ses.put(address, "COMPLAINT" if ours and ours.reason == "complaint" else "BOUNCE")
            case Action.REMOVE:
                self._lists.ses.remove(address)
            case Action.TAKE_OVER if at_ses is not None:
                taken = entry_of(at_ses, address)
                self._lists.ours.add(address, reason=taken.reason, scope="all", source=SOURCE, since=taken.since)
        return action

    def _read(self) -> None:
        began, read_until = self._clock(), self._notes.read_until()
        since = None if read_until is None else read_until - OVERLAP_SECONDS
        done = self._sync.run(since=since, bad=lambda _line: None, progress=lambda _more: None)
        self._notes.has_been_read(began)
        log.info("SES's suppression list read", source=SOURCE, added=done.added)
