"""What releasing and delivering need from others, as small interfaces: tests put fakes behind them."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from ems.aws.ses import Mail, Template
from ems.aws.ses_answers import Outcome
from ems.governor.lease import Lease
from ems.governor.policy import Lane
from ems.store.campaigns import Campaign


class RateGovernor(Protocol):
    """The cluster-wide rate (:class:`ems.governor.governor.Governor`)."""

    def lease(self, n: int, *, lane: Lane, deadline: float | None = None) -> Lease:
        """Wait until *n* recipients may be sent, or raise LeaseError."""

    def book(self, n: int, *, lane: Lane) -> Lease:
        """Book a slot for *n* recipients without waiting for it, or raise LeaseError."""

    def arrive(self, lease: Lease) -> bool:
        """Wait for a booked slot; False when it is missed."""

    def returned(self, lease: Lease) -> None:
        """Note that the call of a slot that was reached is over."""

    def throttled(self) -> None:
        """Report that SES throttled a call."""

    def call_size(self) -> int:
        """Say how many recipients one bulk call should have."""


class Mailer(Protocol):
    """SES (:class:`ems.aws.ses.SesSender`)."""

    def send(self, template: Template, mails: Sequence[Mail], *, not_after: float | None = None) -> list[Outcome]:
        """Send 1 to 50 mails unless *not_after* has passed; outcomes in their order."""


class SuppressionFilter(Protocol):
    """Who gets no mail (:class:`ems.store.suppressions.Suppressions`)."""

    def filter(self, addresses: Sequence[str], *, kind: str) -> Mapping[str, str]:
        """Return the suppressed ones of up to 100 addresses (lower case), each with its reason."""


class DrainRate(Protocol):
    """What the drainer asks the governor (its status): recipients a second now, and what bulk may use today."""

    @property
    def effective_rate(self) -> float:
        """Recipients a second; 0 while no account is known."""

    @property
    def quota_left_for_bulk(self) -> int | None:
        """Recipients; None is unlimited."""

    @property
    def bulk_waits_for(self) -> str | None:
        """What keeps all bulk waiting; None when nothing does."""


class CampaignsReader(Protocol):
    """Where campaigns come from."""

    def read_many(self, campaign_ids: Sequence[str]) -> Mapping[str, Campaign]:
        """Read campaigns by id."""
