"""What delivering needs from others, as small interfaces: tests put fakes behind them."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from ems.aws.ses import Mail, Outcome, Template
from ems.governor.policy import Lane


class RateGovernor(Protocol):
    """The cluster-wide rate (:class:`ems.governor.governor.Governor`)."""

    def lease(self, n: int, *, lane: Lane, deadline: float | None = None) -> Any:
        """Wait until *n* recipients may be sent, or raise LeaseError."""

    def throttled(self) -> None:
        """Report that SES throttled a call."""

    def call_size(self) -> int:
        """Say how many recipients one bulk call should have."""


class Mailer(Protocol):
    """SES (:class:`ems.aws.ses.SesSender`)."""

    def send(self, template: Template, mails: Sequence[Mail]) -> list[Outcome]:
        """Send 1 to 50 mails; outcomes in their order."""


class SuppressionFilter(Protocol):
    """Who gets no mail (:class:`ems.store.suppressions.Suppressions`)."""

    def filter(self, addresses: Sequence[str], *, kind: str) -> Mapping[str, str]:
        """Return the suppressed ones of up to 100 addresses (lower case), each with its reason."""
