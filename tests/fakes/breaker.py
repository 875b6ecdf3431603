"""What the breaker stands on, as fakes: numbers that a test sets."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from fakes.sending import CAMPAIGN

from ems.errors import UnavailableError
from ems.sending.breaker_rule import Limits
from ems.sending.breaker_view import BreakerDesk
from ems.store.breakers import AccountBreaker, Mark, Marks, Tally
from ems.store.campaigns import Campaign


@dataclass
class FakeTallies:
    """Tallies by campaign and batch; counts how often each is read. ``down`` is an outage."""

    of_account: Tally = field(default_factory=Tally)
    of_campaigns: dict[str, Tally] = field(default_factory=dict)
    of_batches: dict[str, Tally] = field(default_factory=dict)
    reads: Counter[str] = field(default_factory=Counter)
    down: bool = False

    def account(self) -> Tally:
        return self._read("account", self.of_account)

    def campaign(self, campaign_id: str) -> Tally:
        return self._read(campaign_id, self.of_campaigns.get(campaign_id, Tally()))

    def batch(self, batch_id: str) -> Tally:
        return self._read(batch_id, self.of_batches.get(batch_id, Tally()))

    def _read(self, name: str, tally: Tally) -> Tally:
        if self.down:
            raise UnavailableError("DynamoDB", "down")
        self.reads[name] += 1
        return tally


COUNTED = Tally(sent=1000, hard_bounced=12, complained=1, settled=990)


@dataclass
class FakeBreakers:
    """The account's breaker in memory, and a campaign ``bad`` that the breaker has paused if it says so."""

    account: AccountBreaker = field(default_factory=AccountBreaker)
    bad: bool = False

    def desk(self) -> BreakerDesk:
        """Make the desk before it; its clock stands still."""
        tallies = FakeTallies(of_account=COUNTED)
        limits = Limits(bounce_rate=0.05, complaint_rate=0.001)
        return BreakerDesk(account=self, campaigns=self, tallies=tallies, limits=limits, clock=lambda: 1e9)

    def trip(self, reason: str) -> None:
        nothing = Mark(0.9e9, Tally())
        self.account = AccountBreaker("paused_by_breaker", reason, 1e9, Marks(nothing, nothing), frozenset({"bad"}))
        self.bad = True

    def read(self) -> AccountBreaker:
        return self.account

    def resume(self, *, at: float) -> None:
        self.account = AccountBreaker(changed_at=at, campaigns=self.account.campaigns)

    def forget(self, campaign_id: str) -> None:
        self.account = replace(self.account, campaigns=self.account.campaigns - {campaign_id})

    def read_many(self, campaign_ids: Sequence[str]) -> dict[str, Campaign]:
        if not (self.bad and "bad" in campaign_ids):
            return {}
        return {"bad": replace(CAMPAIGN, campaign_id="bad", state="paused_by_breaker", state_reason="9 % bounced")}
