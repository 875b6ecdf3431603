"""The breaker: pauses a campaign, or all bulk mail, whose bounces or complaints would cost the account its good name.

The drainer asks it before it releases, so it costs nothing where nothing waits, and no event waits for it. What it
decides is in DynamoDB before anything is released, and resuming is an operator's word (docs/adr/0028).
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Protocol

import structlog

from ems.sending.breaker_rule import Alarm, Limits, counted, judge
from ems.store.breakers import AccountBreaker, Mark, Marks, Tally
from ems.store.campaigns import Campaign

log = structlog.get_logger()

LOOK_SECONDS = 3.0
"""How old the numbers may be on which chunks are released."""

LOOKS_PER_TICK = 10
"""Campaigns whose numbers are read in one tick; those that were looked at longest ago come first."""


class Tallies(Protocol):
    """What became of mails (:class:`ems.sending.tallies.StoredTallies`). Raises UnavailableError."""

    def account(self) -> Tally:
        """Count the mails of the account."""

    def campaign(self, campaign_id: str) -> Tally:
        """Count the mails of a campaign."""

    def batch(self, batch_id: str) -> Tally:
        """Count the mails of a batch."""


class BreakerCampaigns(Protocol):
    """Campaigns as the breaker sees them (:class:`ems.store.campaigns.CampaignStore`)."""

    def read_many(self, campaign_ids: Iterable[str]) -> Mapping[str, Campaign]:
        """Read campaigns by id."""

    def trip(self, seen: Campaign, reason: str, *, at: float) -> bool:
        """Pause an active campaign; False when it has changed since it was seen."""

    def remember(self, seen: Campaign, marks: Marks) -> bool:
        """Store since when is counted; False when it has changed since it was seen."""


class AccountBook(Protocol):
    """The account's breaker (:class:`ems.store.breakers.AccountBreakers`)."""

    def read(self) -> AccountBreaker:
        """Read it."""

    def trip(self, reason: str, *, at: float, seen: AccountBreaker) -> bool:
        """Have all bulk mail wait; False when it has changed since it was seen."""

    def remember(self, marks: Marks, *, seen: AccountBreaker) -> bool:
        """Store since when is counted; False when it has changed since it was seen."""

    def note(self, campaign_id: str) -> None:
        """Name a campaign that is about to be paused."""


class Breaker:
    """Looks at numbers and pauses. *clock* gives epoch seconds. Methods raise UnavailableError without DynamoDB."""

    def __init__(
        self,
        *,
        campaigns: BreakerCampaigns,
        account: AccountBook,
        tallies: Tallies,
        limits: Limits,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._campaigns = campaigns
        self._account = account
        self._tallies = tallies
        self._limits = limits
        self._clock = clock
        self._looked: dict[str, float] = {}
        self._looked_at_account = 0.0

    def inspect_account(self) -> None:
        """Have all bulk mail wait if the account's numbers call for it; looks once in LOOK_SECONDS."""
        now = self._clock()
        if now - self._looked_at_account < LOOK_SECONDS:
            return
        seen = self._account.read()
        if seen.tripped:
            return  # and look at once when it is resumed: that is when counting begins anew
        tally, marks = counted(seen.marks, Mark(now, self._tallies.account()))
        alarm = judge(tally, self._limits)
        if alarm is not None and self._account.trip(str(alarm), at=now, seen=seen):
            log.error("all bulk mail is paused by the breaker", reason=str(alarm))
        elif marks != seen.marks:
            self._account.remember(marks, seen=seen)
        self._looked_at_account = now

    def inspect(self, campaign_ids: Collection[str]) -> frozenset[str]:
        """Look at those of the campaigns, about to be released from, whose turn it is; return which it has paused."""
        now = self._clock()
        self._looked = {one: at for one, at in self._looked.items() if one in campaign_ids}
        due = sorted(
            (one for one in campaign_ids if now - self._looked.get(one, 0.0) >= LOOK_SECONDS),
            key=lambda one: self._looked.get(one, 0.0),
        )[:LOOKS_PER_TICK]
        campaigns = self._campaigns.read_many(due)
        paused = frozenset(name for name, campaign in campaigns.items() if self._inspect(campaign, now))
        # One that is paused is looked at at once when it is resumed: that is when counting begins anew.
        held = paused.union(name for name, campaign in campaigns.items() if not campaign.active)
        self._looked |= dict.fromkeys((name for name in due if name not in held), now)
        return paused

    def pause(self, campaign: Campaign, alarm: Alarm, *, where: str | None = None) -> bool:
        """Pause *campaign* with the reason; False when it has changed since it was read, by an operator for example."""
        reason = f"{alarm}; {where}" if where else str(alarm)
        self._account.note(campaign.campaign_id)
        paused = self._campaigns.trip(campaign, reason, at=self._clock())
        if paused:
            log.error("campaign paused by the breaker", campaign_id=campaign.campaign_id, reason=reason)
        return paused

    def _inspect(self, campaign: Campaign, now: float) -> bool:
        if campaign.kind != "bulk" or not campaign.active:
            return False
        tally, marks = counted(campaign.marks, Mark(now, self._tallies.campaign(campaign.campaign_id)))
        alarm = judge(tally, self._limits)
        if alarm is not None:
            return self.pause(campaign, alarm)
        if marks != campaign.marks:
            self._campaigns.remember(campaign, marks)
        return False
