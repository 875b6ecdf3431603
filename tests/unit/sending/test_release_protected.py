"""The drainer with the breaker before it: what waits for a canary, and what is stopped."""

from dataclasses import replace

import pytest
from fakes.breaker import FakeTallies
from fakes.clock import Clock
from fakes.queues import MemorySqs
from fakes.release import FakeLine, FakeSenders, drainer_of, finish, labels, put, tick
from fakes.sending import CAMPAIGN, batch, chunk

from ems import queues
from ems.errors import UnavailableError
from ems.sending.breaker import LOOK_SECONDS, Breaker
from ems.sending.breaker_rule import Limits
from ems.sending.canary import Canaries
from ems.sending.protection import Protection
from ems.sending.release import Drainer
from ems.store.batches import BatchStore
from ems.store.breakers import AccountBreakers, Tally
from ems.store.campaigns import CampaignStore
from ems.store.drain import DrainStore
from ems.store.parking import Parking
from ems.store.tables import Tables

LIMITS = Limits(bounce_rate=0.05, complaint_rate=0.001)
CANARY = 2
"""Chunks of fifty."""


@pytest.fixture
def store(tables: Tables) -> CampaignStore:
    """Where the bulk campaigns welcome and other are."""
    store = CampaignStore(tables)
    for name in ("welcome", "other"):
        store.insert(replace(CAMPAIGN, campaign_id=name, kind="bulk"))
    return store


@pytest.fixture
def tallies() -> FakeTallies:
    return FakeTallies()


@pytest.fixture
def drainer(
    sqs: MemorySqs,
    batches: BatchStore,
    parking: Parking,
    store: CampaignStore,
    tables: Tables,
    tallies: FakeTallies,
    clock: Clock,
) -> Drainer:
    """A drainer beside a batch of ten chunks with a canary."""
    batches.create(batch(total=500, canary=CANARY))
    breaker = Breaker(campaigns=store, account=AccountBreakers(tables), tallies=tallies, limits=LIMITS, clock=clock)
    canaries = Canaries(batches=batches, tallies=tallies, breaker=breaker, limits=LIMITS, seconds=60.0, clock=clock)
    return drainer_of(
        sqs=sqs,
        batches=batches,
        campaigns=store,
        parking=parking,
        memory=DrainStore(tables, clock=clock),
        senders=FakeSenders(),
        rate=FakeLine,
        clock=clock,
        protection=Protection(breaker, canaries),
    )


def park(parking: Parking, *numbers: int, batch_id: str = "b1", campaign_id: str = "welcome") -> None:
    bodies = {n: chunk(50, batch_id=batch_id, number=n, campaign_id=campaign_id).message().body for n in numbers}
    parking.park(batch_id, campaign_id, bodies)


def released(sqs: MemorySqs) -> list[int]:
    return sorted(number for _, number in labels(sqs, queues.TRIGGER))


def left(parking: Parking) -> list[int]:
    return sorted(number for lot in parking.waiting().lots for number in lot.chunks)


def test_the_rest_waits_for_the_canary_and_follows_when_it_was_well(
    drainer: Drainer, sqs: MemorySqs, parking: Parking, tables: Tables, tallies: FakeTallies
) -> None:
    put(sqs, CANARY)
    park(parking, *range(CANARY, 5))
    tick(drainer)
    assert released(sqs) == [0, 1]
    finish(tables, 0, 1)
    tallies.of_batches["b1"] = Tally(sent=100, settled=40)
    for _ in range(3):
        assert not tick(drainer).moved
    tallies.of_batches["b1"] = Tally(sent=100, settled=100)
    tick(drainer)
    tick(drainer)
    assert released(sqs) == [0, 1, 2, 3, 4]
    assert left(parking) == []


def test_chunks_of_a_canary_and_of_the_rest_in_one_lot_are_told_apart(
    drainer: Drainer, sqs: MemorySqs, parking: Parking
) -> None:
    park(parking, *range(5))
    tick(drainer)
    assert released(sqs) == [0, 1]
    assert left(parking) == [2, 3, 4]
    tick(drainer)
    assert left(parking) == [2, 3, 4]


def test_chunks_of_the_rest_that_lie_in_the_queue_are_parked(
    drainer: Drainer, sqs: MemorySqs, parking: Parking
) -> None:
    put(sqs, 5)
    tick(drainer)
    tick(drainer)
    assert released(sqs) == [0, 1]
    assert left(parking) == [2, 3, 4]
    assert sqs.bodies(queues.WAIT) == []


def test_other_campaigns_have_the_line_while_a_canary_is_out(
    drainer: Drainer, sqs: MemorySqs, parking: Parking, batches: BatchStore, tables: Tables
) -> None:
    put(sqs, CANARY)
    park(parking, *range(CANARY, 10))
    tick(drainer)
    finish(tables, 0, 1)
    batches.create(batch("b2", total=500, campaign_id="other"))
    park(parking, *range(10), batch_id="b2", campaign_id="other")
    assert tick(drainer).released == 4
    assert {name for name, _ in labels(sqs, queues.TRIGGER)[CANARY:]} == {"b2"}


def test_a_bad_canary_stops_its_campaign_before_anything_more_is_released(
    drainer: Drainer, sqs: MemorySqs, parking: Parking, tables: Tables, tallies: FakeTallies, store: CampaignStore
) -> None:
    put(sqs, CANARY)
    park(parking, *range(CANARY, 5))
    tick(drainer)
    finish(tables, 0, 1)
    tallies.of_batches["b1"] = tallies.of_campaigns["welcome"] = Tally(sent=100, hard_bounced=90, settled=100)
    for _ in range(3):
        tick(drainer)
    assert released(sqs) == [0, 1]
    assert left(parking) == [2, 3, 4]
    campaign = store.read("welcome")
    assert campaign is not None
    assert campaign.state == "paused_by_breaker"


def test_a_campaign_is_stopped_in_the_tick_that_sees_its_numbers_and_others_are_not(
    drainer: Drainer,
    sqs: MemorySqs,
    parking: Parking,
    batches: BatchStore,
    tallies: FakeTallies,
    tables: Tables,
    clock: Clock,
) -> None:
    batches.end_canary("b1")
    batches.create(batch("b2", total=500, campaign_id="other"))
    park(parking, *range(10))
    park(parking, *range(10), batch_id="b2", campaign_id="other")
    tick(drainer)
    assert {name for name, _ in labels(sqs, queues.TRIGGER)} == {"b1", "b2"}
    finish(tables, 0, 1)
    finish(tables, 0, 1, batch_id="b2")
    sqs.queues[queues.TRIGGER].clear()
    tallies.of_campaigns["welcome"] = Tally(sent=100, hard_bounced=90, settled=100)
    clock.advance(LOOK_SECONDS)
    tick(drainer)
    assert {name for name, _ in labels(sqs, queues.TRIGGER)} == {"b2"}


def test_without_the_numbers_nothing_is_released(
    drainer: Drainer, sqs: MemorySqs, parking: Parking, tallies: FakeTallies
) -> None:
    park(parking, 0, 1)
    tallies.down = True
    with pytest.raises(UnavailableError):
        drainer.tick()
    assert released(sqs) == []
    tallies.down = False
    tick(drainer)
    assert released(sqs) == [0, 1]


def test_nothing_is_read_while_nothing_waits(drainer: Drainer, tallies: FakeTallies, clock: Clock) -> None:
    for _ in range(5):
        tick(drainer)
        clock.advance(LOOK_SECONDS)
    assert not tallies.reads


def test_an_account_that_bounces_too_much_keeps_all_bulk_waiting(
    drainer: Drainer, parking: Parking, batches: BatchStore, tallies: FakeTallies, tables: Tables, clock: Clock
) -> None:
    batches.end_canary("b1")
    park(parking, *range(10))
    tick(drainer)
    tallies.of_account = Tally(sent=1000, hard_bounced=200, settled=1000)
    clock.advance(LOOK_SECONDS)
    tick(drainer)
    assert AccountBreakers(tables).read().tripped
