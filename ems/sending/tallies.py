"""The breaker's numbers, from the counters of what SES told."""

from ems.store.breakers import Tally
from ems.store.counters import ACCOUNT, Scope
from ems.store.stats import StatsStore

NOT_HELD_AGAINST = ("events:hard_bounce:OnAccountSuppressionList", "events:complaint:OnAccountSuppressionList")
"""Events that SES makes up from its account-level list: they cost the account nothing (SES Developer Guide, "Using the
Amazon SES account-level suppression list")."""

SETTLED = ("delivered", "hard_bounced", "soft_bounced", "rejected", "rendering_failed")


class StoredTallies:
    """Tallies of everything that was ever counted; each costs one read. Methods raise UnavailableError."""

    def __init__(self, stats: StatsStore) -> None:
        self._stats = stats

    def account(self) -> Tally:
        """Count the mails of the account."""
        return self._tally(ACCOUNT)

    def campaign(self, campaign_id: str) -> Tally:
        """Count the mails of a campaign."""
        return self._tally(Scope("campaign", campaign_id))

    def batch(self, batch_id: str) -> Tally:
        """Count the mails of a batch."""
        return self._tally(Scope("batch", batch_id))

    def _tally(self, scope: Scope) -> Tally:
        total = self._stats.total(scope)
        bounces, complaints = (total.counts.get(name, 0) for name in NOT_HELD_AGAINST)
        return Tally(
            sent=total.sent,
            hard_bounced=max(total.hard_bounced - bounces, 0),
            complained=max(total.complained - complaints, 0),
            settled=sum(total.counts.get(name, 0) for name in SETTLED),
        )
