"""The breaker as people see it, and their word to it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from ems.governor.status import RateStatus
from ems.sending.breaker import Tallies
from ems.sending.breaker_rule import Limits, counted
from ems.sending.ports import CampaignsReader
from ems.store.breakers import AccountBreaker, BreakerState, Mark, Tally
from ems.store.campaigns import PAUSED_BY_BREAKER, Campaign

log = structlog.get_logger()


class ResumableAccount(Protocol):
    """The account's breaker (:class:`ems.store.breakers.AccountBreakers`)."""

    def read(self) -> AccountBreaker:
        """Read it."""

    def resume(self, *, at: float) -> None:
        """Let bulk mail go on, and count anew."""


@dataclass(frozen=True, slots=True)
class BreakerView:
    """The account's breaker and the campaigns that are paused by the breaker.

    ``state`` is of the account, since ``changed_at`` (epoch seconds; None when it never had another). ``tally`` is what
    the account's breaker counts by, ``counted_since`` from when on; None before it looked the first time.
    """

    state: BreakerState
    reason: str | None
    changed_at: float | None
    tally: Tally
    counted_since: float | None
    limits: Limits
    campaigns: Sequence[Campaign]


class BreakerDesk:
    """Shows and resumes. *clock* gives epoch seconds. Every method raises UnavailableError without DynamoDB."""

    def __init__(
        self,
        *,
        account: ResumableAccount,
        campaigns: CampaignsReader,
        tallies: Tallies,
        limits: Limits,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._account = account
        self._campaigns = campaigns
        self._tallies = tallies
        self._limits = limits
        self._clock = clock

    def get(self) -> BreakerView:
        """Read the account's breaker, its numbers, and the campaigns that the breaker has paused."""
        account = self._account.read()
        tally, marks = counted(account.marks, Mark(self._clock(), self._tallies.account()))
        return BreakerView(
            state=account.state,
            reason=account.reason,
            changed_at=account.changed_at or None,
            tally=tally,
            counted_since=marks.base.at if account.marks else None,
            limits=self._limits,
            campaigns=self._paused(account),
        )

    def resume(self, *, by: str) -> BreakerView:
        """Let all bulk mail go on; what came before does not count any more."""
        self._account.resume(at=self._clock())
        log.info("all bulk mail is resumed", by=by)
        return self.get()

    def tripped(self) -> tuple[str | None, list[str]]:
        """Return why all bulk mail is paused, None when it is not, and the campaigns that are paused by the breaker."""
        account = self._account.read()
        reason = (account.reason or "") if account.tripped else None
        return reason, [one.campaign_id for one in self._paused(account)]

    def notice(self) -> str | None:
        """Say why all bulk mail is paused; None when it is not."""
        account = self._account.read()
        return f"all bulk mail is paused by the breaker: {account.reason}" if account.tripped else None

    def _paused(self, account: AccountBreaker) -> list[Campaign]:
        named = self._campaigns.read_many(sorted(account.campaigns))
        return [one for _, one in sorted(named.items()) if one.state == PAUSED_BY_BREAKER]


def with_breaker(rate: RateStatus, account: AccountBreaker) -> RateStatus:
    """Return how the line stands for bulk mail: it waits when the account's breaker has tripped."""
    return replace(rate, bulk_waits_for="breaker", bulk_waits_until=None) if account.tripped else rate
