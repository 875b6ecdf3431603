"""The breaker's numbers, from the counters."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from fakes.clock import Clock
from pynamodb.transactions import TransactWrite

from ems.governor.policy import Policy
from ems.governor.status import describe
from ems.sending.breaker_view import with_breaker
from ems.sending.tallies import NOT_HELD_AGAINST, StoredTallies
from ems.store import counters
from ems.store.breakers import AccountBreaker, Tally
from ems.store.counters import ACCOUNT, Place, Scope
from ems.store.rate_item import Line
from ems.store.stats import StatsStore
from ems.store.tables import Tables
from ems.tracking.events import EventType
from ems.tracking.kinds import HARD_BOUNCE

COUNTS: Mapping[str, int] = {
    "sent": 100,
    "delivered": 80,
    "hard_bounced": 9,
    "soft_bounced": 3,
    "complained": 4,
    "rejected": 1,
    "rendering_failed": 2,
    "opened": 50,
    "events:hard_bounce:General": 7,
    "events:hard_bounce:OnAccountSuppressionList": 2,
    "events:complaint:OnAccountSuppressionList": 1,
}


@pytest.mark.parametrize(
    ("scope", "name"),
    [(ACCOUNT, "account"), (Scope("campaign", "spring"), "campaign"), (Scope("batch", "b1"), "batch")],
)
def test_what_ses_makes_up_from_its_own_list_is_not_held_against_anybody(
    tables: Tables, clock: Clock, scope: Scope, name: str
) -> None:
    with TransactWrite(connection=tables.connection) as transaction:
        counters.move(
            transaction, tables.stats, {Place(scope): COUNTS}, shard=3, now=clock(), retention_seconds=86_400.0
        )
    tallies = StoredTallies(StatsStore(tables))
    read = {
        "account": tallies.account,
        "campaign": lambda: tallies.campaign("spring"),
        "batch": lambda: tallies.batch("b1"),
    }
    assert read[name]() == Tally(sent=100, hard_bounced=7, complained=3, settled=95)
    assert [one() for other, one in read.items() if other != name] == [Tally(), Tally()]


def test_the_names_are_those_that_tracking_counts_by() -> None:
    subtype = "OnAccountSuppressionList"
    assert (f"events:{HARD_BOUNCE}:{subtype}", f"events:{EventType.COMPLAINT}:{subtype}") == NOT_HELD_AGAINST


def test_the_line_waits_for_the_breaker_of_the_account_and_else_for_what_it_waited_for() -> None:
    rate = replace(describe(Line(sending=0), now=0, policy=Policy(max_send_rate=100)), bulk_waits_until=7.0)
    assert with_breaker(rate, AccountBreaker()) == rate
    held = with_breaker(rate, AccountBreaker(state="paused_by_breaker"))
    assert (held.bulk_waits_for, held.bulk_waits_until) == ("breaker", None)
