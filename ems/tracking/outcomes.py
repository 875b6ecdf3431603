"""What applying events comes to, and who is told of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from ems.store.status import Status
from ems.tracking.events import SesEvent


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
