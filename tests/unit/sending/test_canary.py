"""The canary: when the rest of a bulk follows its first recipients."""

from dataclasses import replace
from typing import Any

import pytest
from fakes.breaker import FakeTallies
from fakes.clock import Clock
from fakes.sending import CAMPAIGN, batch

from ems.sending.breaker import Breaker
from ems.sending.breaker_rule import Alarm, Limits
from ems.sending.canary import LOOKS_PER_TICK, Canaries, Canary, chunks_of_canary, decide
from ems.store.batches import BatchStore, Progress
from ems.store.breakers import AccountBreakers, Tally
from ems.store.campaigns import CampaignStore
from ems.store.chunk_counts import COUNTED
from ems.store.tables import Tables

LIMITS = Limits(bounce_rate=0.05, complaint_rate=0.001)
BULK = replace(CAMPAIGN, kind="bulk")
OUT = Canary(batch(total=500, chunk_size=20, canary=5, created_at=1_000.0), BULK)
SENT_AT = 2_000.0
SECONDS = 60.0


def progress(**counts: int) -> Progress:
    return Progress({status.value: counts.get(status.value, 0) for status in COUNTED}, 0, 1_990.0, SENT_AT)


def decided(tally: Tally, *, after: float = 5.0, canary: Canary = OUT, **counts: int) -> Any:
    """Decide *after* seconds; a hundred are sent if no counts are given."""
    gone = progress(**(counts or {"sent": 100}))
    return decide(canary, gone, tally, limits=LIMITS, seconds=SECONDS, now=SENT_AT + after)


@pytest.mark.parametrize(
    ("recipients", "total", "size", "chunks"),
    [(100, 1000, 20, 5), (100, 1000, 30, 4), (1, 2, 50, 1), (100, 100, 20, 0)],
)
def test_it_is_made_of_whole_chunks_and_needs_a_rest(recipients: int, total: int, size: int, chunks: int) -> None:
    assert chunks_of_canary(recipients=recipients, total=total, chunk_size=size) == chunks


def test_without_a_canary_there_is_no_rest_that_waits() -> None:
    assert chunks_of_canary(recipients=0, total=1000, chunk_size=20) == 0


def test_it_waits_for_outcomes() -> None:
    assert decided(Tally(sent=100, settled=40)) == "waits"


def test_it_is_over_when_all_outcomes_are_in_and_they_are_good() -> None:
    assert decided(Tally(sent=100, hard_bounced=3, settled=100)) == "over"


def test_it_is_over_when_nothing_that_is_still_to_come_could_trip_the_breaker() -> None:
    assert decided(Tally(sent=100, settled=91)) == "over"
    assert decided(Tally(sent=100, settled=90)) == "waits"


def test_it_is_over_when_its_time_has_passed() -> None:
    assert decided(Tally(sent=100, settled=10), after=SECONDS - 0.1) == "waits"
    assert decided(Tally(sent=100, settled=10), after=SECONDS) == "over"


def test_it_trips_before_all_outcomes_are_in_and_also_after_its_time() -> None:
    for after in (5.0, SECONDS + 1):
        alarm = decided(Tally(sent=100, hard_bounced=23, settled=30), after=after)
        assert isinstance(alarm, Alarm)
        assert alarm.count == 23


def test_bounces_that_outrun_the_word_of_the_others_do_not_trip_it() -> None:
    assert decided(Tally(sent=6, hard_bounced=6, settled=6)) == "waits"


def test_it_waits_for_those_who_were_not_sent_to_yet_whatever_the_time() -> None:
    assert decided(Tally(sent=80, settled=80), after=10 * SECONDS, sent=80) == "waits"


def test_who_is_suppressed_failed_held_or_in_doubt_is_not_waited_for() -> None:
    counts = {"sent": 60, "suppressed": 20, "failed": 10, "held": 5, "in_doubt": 5}
    assert decided(Tally(sent=60, settled=60), **counts) == "over"


def test_a_canary_that_reaches_the_end_of_its_batch_is_as_large_as_the_batch() -> None:
    short = Canary(batch(total=90, chunk_size=50, canary=2), BULK)
    assert decided(Tally(sent=90, settled=90), canary=short, sent=90) == "over"


def test_whoever_resumes_the_campaign_ends_the_canaries_of_that_time() -> None:
    bad = Tally(sent=100, hard_bounced=100, settled=100)
    resumed = Canary(OUT.batch, replace(BULK, resumed_at=1_500.0))
    assert decided(bad, canary=resumed) == "over"
    later = Canary(replace(OUT.batch, created_at=1_600.0), resumed.campaign)
    assert isinstance(decided(bad, canary=later), Alarm)


@pytest.fixture
def tallies() -> FakeTallies:
    return FakeTallies()


@pytest.fixture
def canaries(tables: Tables, batches: BatchStore, tallies: FakeTallies, clock: Clock) -> Canaries:
    breaker = Breaker(
        campaigns=CampaignStore(tables), account=AccountBreakers(tables), tallies=tallies, limits=LIMITS, clock=clock
    )
    return Canaries(batches=batches, tallies=tallies, breaker=breaker, limits=LIMITS, seconds=SECONDS, clock=clock)


@pytest.fixture
def out(tables: Tables, batches: BatchStore, clock: Clock) -> Canary:
    """A canary of fifty that is sent."""
    made = batch(total=500, canary=1)
    batches.create(made)
    CampaignStore(tables).insert(BULK)
    tables.batches("b1", "chunk#000000", state="done", size=50, sent=50, started_at=clock(), updated_at=clock()).save()
    return Canary(made, BULK)


def recorded(batches: BatchStore) -> int:
    stored = batches.get("b1")
    assert stored is not None
    return stored.canary


def test_a_good_canary_lets_the_rest_follow(
    canaries: Canaries, batches: BatchStore, out: Canary, tallies: FakeTallies
) -> None:
    canaries.inspect([out])
    assert recorded(batches) == 1
    tallies.of_batches["b1"] = Tally(sent=50, hard_bounced=1, settled=50)
    canaries.inspect([out])
    assert recorded(batches) == 0


def test_a_bad_canary_pauses_its_campaign_and_the_rest_stays(
    canaries: Canaries, batches: BatchStore, out: Canary, tallies: FakeTallies, tables: Tables
) -> None:
    tallies.of_batches["b1"] = Tally(sent=50, hard_bounced=20, settled=50)
    canaries.inspect([out])
    campaign = CampaignStore(tables).read(BULK.campaign_id)
    assert campaign is not None
    assert campaign.state == "paused_by_breaker"
    assert campaign.state_reason is not None
    assert campaign.state_reason.endswith("among the first recipients of batch b1")
    assert recorded(batches) == 1


def test_many_canaries_are_looked_at_in_turn(canaries: Canaries, tallies: FakeTallies) -> None:
    many = [Canary(batch(f"b{number}", total=500, canary=1), BULK) for number in range(LOOKS_PER_TICK + 5)]
    for _ in range(3):
        canaries.inspect(many)
    assert len(tallies.reads) == len(many)
    assert set(tallies.reads.values()) == {2}
