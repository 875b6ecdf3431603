"""Why a lease is not given. None of these is a failure of the mail: give the recipients back and spend no attempt."""

from typing import ClassVar, Literal

from ems.errors import EmsError, UnavailableError
from ems.governor.line import Denied
from ems.store.rate_item import SECOND

Refusal = Literal["store", "clock", "deadline", "quota", "account", "stopping"]


class LeaseError(EmsError):
    """Base of every refusal to lease; ``why`` is its kind in a word."""

    why: ClassVar[Refusal]


class GovernorUnavailableError(LeaseError, UnavailableError):
    """The store cannot be reached or no rate is known: nothing may be sent (fail closed)."""

    why: ClassVar[Refusal] = "store"


class ClockSkewError(GovernorUnavailableError):
    """This process's clock is provably wrong, so its slots would not be where the line has them. Mend the clock."""

    why = "clock"


class _NotYetError(LeaseError):
    """A refusal with a time. ``until`` (epoch seconds) is when asking again makes sense."""

    def __init__(self, message: str, *, until: float) -> None:
        super().__init__(message)
        self.until = until


class NotBeforeError(_NotYetError):
    """The line is booked beyond the caller's deadline."""

    why = "deadline"


class QuotaExhaustedError(_NotYetError):
    """The lane's share of the 24-hour quota is used; ``until`` is when the account is read again."""

    why = "quota"


class SendingPausedError(_NotYetError):
    """SES says that the account may not send (GetAccount); ``until`` is when the account is read again."""

    why = "account"


class StoppedError(LeaseError):
    """The process is shutting down: give back what is in hand."""

    why = "stopping"


def refusal(denied: Denied, *, account_error: str | None) -> LeaseError:
    """Say what a denial that waiting does not help means to the caller.

    Args:
        denied: Any denial but of the kinds ``rate`` and ``pace``.
        account_error: Why the account could not be read, if so.
    """
    until = denied.not_before / SECOND
    if denied.why == "quota":
        return QuotaExhaustedError("the 24-hour quota of this lane is used", until=until)
    if denied.why == "stopped":
        return SendingPausedError("SES says that this account may not send (GetAccount)", until=until)
    if denied.why == "clock":
        return GovernorUnavailableError(
            "the governor",
            f"the line is booked until {until:.0f}, further than right clocks can book it; mend the clock that was "
            "wrong, then delete the item `ses` of email-rate",
        )
    cause = account_error or "the account was not read yet"
    return GovernorUnavailableError("the governor", f"no send rate is known ({cause}); or set EMS_MAX_SEND_RATE")
