"""The breaker and the canaries."""

from ems.governor.status import RateStatus
from ems.sending.breaker import Breaker
from ems.sending.breaker_rule import Limits
from ems.sending.breaker_view import BreakerDesk, with_breaker
from ems.sending.canary import Canaries
from ems.sending.protection import Protection
from ems.sending.tallies import StoredTallies
from ems.wiring.doubts import Doubting
from ems.wiring.parts import part


class Protecting(Doubting):
    """What keeps the account's good name."""

    @part
    def tallies(self) -> StoredTallies:
        """What became of mails."""
        return StoredTallies(self.stats_store)

    @part
    def breaker(self) -> Breaker:
        """Pauses campaigns, and all bulk mail."""
        return Breaker(
            campaigns=self.campaign_store,
            account=self.account_breaker,
            tallies=self.tallies,
            limits=self._breaker_limits,
        )

    @part
    def protection(self) -> Protection:
        """What the drainer asks before it releases."""
        canaries = Canaries(
            batches=self.batch_store,
            tallies=self.tallies,
            breaker=self.breaker,
            limits=self._breaker_limits,
            seconds=self.settings.canary_seconds,
        )
        return Protection(self.breaker, canaries)

    @part
    def breaker_desk(self) -> BreakerDesk:
        """The breaker as people see it."""
        return BreakerDesk(
            account=self.account_breaker,
            campaigns=self.campaign_store,
            tallies=self.tallies,
            limits=self._breaker_limits,
        )

    def bulk_rate(self) -> RateStatus:
        """Read the line as it stands for bulk mail; raises UnavailableError when DynamoDB does not answer."""
        return with_breaker(self.governor.status(), self.account_breaker.read())

    @property
    def _breaker_limits(self) -> Limits:
        return Limits.from_settings(self.settings)
