"""What a delivery ends in, for whoever holds its queue message."""

from dataclasses import dataclass

from ems.aws.ses_answers import NotNow, Pause
from ems.errors import UnavailableError
from ems.governor.errors import LeaseError, NotBeforeError, QuotaExhaustedError, SendingPausedError, StoppedError


@dataclass(frozen=True, slots=True)
class Finished:
    """Nothing is left to do: delete the message."""


@dataclass(frozen=True, slots=True)
class Postponed:
    """Enqueue the message again after ``delay_seconds``, then delete this one. Waiting spends no attempt."""

    delay_seconds: int
    reason: str


Delivery = Finished | Postponed

PAUSE_SECONDS: dict[Pause, int] = {
    "throttled": 1,
    "late": 0,
    "unavailable": 10,
    "denied": 60,
    "paused": 60,
    "quota": 300,
}
"""How long a mail waits in the queue after SES said not now. AWS has people wait minutes for quota, seconds else."""

LEASE_PAUSE_SECONDS = 60
"""The longest wait after the governor refused: the account is read again within a minute."""

QUOTA_PAUSE_SECONDS = 5
"""The shortest wait for quota or a paused account, also when SES does not say how the account stands."""


def after_pause(outcome: NotNow) -> Postponed:
    """Decide how long to wait after SES did not take a mail."""
    return Postponed(PAUSE_SECONDS[outcome.why], outcome.reason)


def after_refused_lease(error: LeaseError, *, now: float) -> Postponed:
    """Decide how long to wait after the governor gave no lease."""
    if isinstance(error, StoppedError):
        return Postponed(0, "this process is shutting down")
    if isinstance(error, QuotaExhaustedError | SendingPausedError | NotBeforeError):
        least = 1 if isinstance(error, NotBeforeError) else QUOTA_PAUSE_SECONDS
        return Postponed(int(min(max(error.until - now, least), LEASE_PAUSE_SECONDS)), str(error))
    return Postponed(10, str(error))


def after_unavailable(error: UnavailableError) -> Postponed:
    """Decide how long to wait for a service that is out of reach."""
    return Postponed(max(error.retry_after, 1), str(error))
