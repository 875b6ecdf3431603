"""The breaker on the real tables, with numbers that the test sets."""

from dataclasses import replace

import pytest
from fakes.breaker import FakeTallies
from fakes.clock import Clock
from fakes.sending import CAMPAIGN

from ems.errors import UnavailableError
from ems.sending.breaker import LOOK_SECONDS, LOOKS_PER_TICK, Breaker
from ems.sending.breaker_rule import Limits
from ems.store.breakers import AccountBreakers, Tally
from ems.store.campaigns import Campaign, CampaignStore
from ems.store.tables import Tables

BAD = Tally(sent=100, hard_bounced=23, settled=100)
LIMITS = Limits(bounce_rate=0.05, complaint_rate=0.001)


@pytest.fixture
def store(tables: Tables) -> CampaignStore:
    return CampaignStore(tables)


@pytest.fixture
def account(tables: Tables) -> AccountBreakers:
    return AccountBreakers(tables)


@pytest.fixture
def tallies() -> FakeTallies:
    return FakeTallies()


@pytest.fixture
def breaker(store: CampaignStore, account: AccountBreakers, tallies: FakeTallies, clock: Clock) -> Breaker:
    return Breaker(campaigns=store, account=account, tallies=tallies, limits=LIMITS, clock=clock)


@pytest.fixture
def campaign(store: CampaignStore) -> Campaign:
    """A bulk campaign, new."""
    made = replace(CAMPAIGN, campaign_id="spring", kind="bulk")
    assert store.insert(made)
    return made


def state(store: CampaignStore, campaign_id: str = "spring") -> tuple[str, str | None]:
    campaign = store.read(campaign_id)
    assert campaign is not None
    return campaign.state, campaign.state_reason


def look(breaker: Breaker, clock: Clock) -> frozenset[str]:
    clock.advance(LOOK_SECONDS)
    return breaker.inspect({"spring"})


@pytest.mark.usefixtures("campaign")
def test_a_campaign_pauses_when_too_much_bounces_and_says_why(
    breaker: Breaker, store: CampaignStore, account: AccountBreakers, tallies: FakeTallies, clock: Clock
) -> None:
    assert look(breaker, clock) == frozenset()
    tallies.of_campaigns["spring"] = BAD
    assert look(breaker, clock) == {"spring"}
    name, reason = state(store)
    assert name == "paused_by_breaker"
    assert reason is not None
    assert "23 hard bounces of 100 mails sent" in reason
    assert account.read().campaigns == {"spring"}


@pytest.mark.usefixtures("campaign")
def test_a_healthy_campaign_goes_on(breaker: Breaker, store: CampaignStore, tallies: FakeTallies, clock: Clock) -> None:
    look(breaker, clock)
    tallies.of_campaigns["spring"] = Tally(sent=10_000, hard_bounced=300, complained=5, settled=9_000)
    assert look(breaker, clock) == frozenset()
    assert state(store) == ("active", None)


@pytest.mark.usefixtures("campaign")
def test_after_the_resume_it_takes_new_bounces_to_trip_again(
    breaker: Breaker, store: CampaignStore, tallies: FakeTallies, clock: Clock
) -> None:
    look(breaker, clock)
    tallies.of_campaigns["spring"] = BAD
    look(breaker, clock)
    seen = store.read("spring")
    assert seen is not None
    resumed = replace(seen, state="active", state_reason=None, marks=None, resumed_at=clock(), updated_at=clock() + 1)
    assert store.replace(resumed, seen=seen)

    assert look(breaker, clock) == frozenset()
    tallies.of_campaigns["spring"] = Tally(sent=300, hard_bounced=26, settled=300)
    assert look(breaker, clock) == frozenset()
    tallies.of_campaigns["spring"] = Tally(sent=350, hard_bounced=60, settled=350)
    assert look(breaker, clock) == {"spring"}


@pytest.mark.usefixtures("campaign")
def test_counting_begins_anew_with_the_first_tick_after_a_resume(
    breaker: Breaker, store: CampaignStore, tallies: FakeTallies, clock: Clock
) -> None:
    look(breaker, clock)
    tallies.of_campaigns["spring"] = BAD
    look(breaker, clock)
    breaker.inspect({"spring"})
    seen = store.read("spring")
    assert seen is not None
    resumed = replace(seen, state="active", state_reason=None, marks=None, updated_at=clock() + 1)
    assert store.replace(resumed, seen=seen)
    clock.advance(1)
    breaker.inspect({"spring"})
    begun = store.read("spring")
    assert begun is not None
    assert begun.marks is not None
    assert (begun.marks.base.at, begun.marks.base.tally) == (clock(), BAD)


@pytest.mark.usefixtures("campaign")
def test_numbers_from_before_the_breaker_was_there_do_not_count(
    breaker: Breaker, store: CampaignStore, tallies: FakeTallies, clock: Clock
) -> None:
    tallies.of_campaigns["spring"] = BAD
    look(breaker, clock)
    look(breaker, clock)
    assert state(store) == ("active", None)


def test_transactional_campaigns_are_never_paused(
    breaker: Breaker, store: CampaignStore, tallies: FakeTallies, clock: Clock
) -> None:
    store.insert(replace(CAMPAIGN, campaign_id="spring", kind="transactional"))
    look(breaker, clock)
    tallies.of_campaigns["spring"] = BAD
    assert look(breaker, clock) == frozenset()
    assert state(store) == ("active", None)
    assert not tallies.reads


def test_an_operators_pause_is_left_as_it_is(
    breaker: Breaker, store: CampaignStore, campaign: Campaign, tallies: FakeTallies, clock: Clock
) -> None:
    paused = replace(campaign, state="paused_by_operator", state_reason="mine", updated_at=clock() + 1)
    assert store.replace(paused, seen=campaign)
    tallies.of_campaigns["spring"] = BAD
    assert look(breaker, clock) == frozenset()
    assert state(store) == ("paused_by_operator", "mine")


@pytest.mark.usefixtures("campaign")
def test_numbers_are_read_once_in_a_while_and_not_with_every_tick(
    breaker: Breaker, tallies: FakeTallies, clock: Clock
) -> None:
    for _ in range(10):
        breaker.inspect({"spring"})
        clock.advance(LOOK_SECONDS / 10)
    assert tallies.reads["spring"] == 1


def test_of_very_many_campaigns_a_few_are_looked_at_in_a_tick_and_all_in_turn(
    breaker: Breaker, store: CampaignStore, tallies: FakeTallies, clock: Clock
) -> None:
    names = {f"c{number}" for number in range(2 * LOOKS_PER_TICK)}
    for name in names:
        store.insert(replace(CAMPAIGN, campaign_id=name, kind="bulk"))
    for tick in (1, 2, 3, 4):
        breaker.inspect(names)
        assert sum(tallies.reads.values()) == tick * LOOKS_PER_TICK
        clock.advance(LOOK_SECONDS)
    assert set(tallies.reads.values()) == {2}


@pytest.mark.usefixtures("campaign")
def test_a_look_that_failed_is_made_again(breaker: Breaker, tallies: FakeTallies, clock: Clock) -> None:
    look(breaker, clock)
    tallies.down = True
    with pytest.raises(UnavailableError):
        look(breaker, clock)
    tallies.down, tallies.of_campaigns["spring"] = False, BAD
    assert breaker.inspect({"spring"}) == {"spring"}


def test_the_account_pauses_all_bulk_mail_and_a_resume_counts_anew(
    breaker: Breaker, account: AccountBreakers, tallies: FakeTallies, clock: Clock
) -> None:
    breaker.inspect_account()
    assert not account.read().tripped
    tallies.of_account = Tally(sent=10_000, complained=30, settled=9_000)
    breaker.inspect_account()
    assert not account.read().tripped, "it looks again only after a while"

    clock.advance(LOOK_SECONDS)
    breaker.inspect_account()
    tripped = account.read()
    assert (tripped.tripped, tripped.changed_at) == (True, clock())
    assert tripped.reason is not None
    assert "30 complaints of 10000 mails sent" in tripped.reason

    account.resume(at=clock() + 1)
    for _ in range(2):
        clock.advance(LOOK_SECONDS)
        breaker.inspect_account()
        assert account.read().state == "active"
    tallies.of_account = Tally(sent=11_000, complained=60, settled=10_000)
    clock.advance(LOOK_SECONDS)
    breaker.inspect_account()
    assert account.read().tripped


def test_numbers_that_were_read_before_a_resume_do_not_trip_after_it(account: AccountBreakers, clock: Clock) -> None:
    seen = account.read()
    account.resume(at=clock())
    assert not account.trip("6 % bounced", at=clock(), seen=seen)
    assert not account.read().tripped
    assert account.trip("6 % bounced", at=clock() + 1, seen=account.read())
