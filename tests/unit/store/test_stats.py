"""Counters, spread over shards and added up."""

from collections import Counter

import pytest
from pynamodb.transactions import TransactWrite

from ems.store.counters import ACCOUNT, SHARDS, Counts, Place, Scope, bucket, difference, move, total
from ems.store.stats import StatsStore, Totals
from ems.store.tables import Tables

NOW = 1_791_795_600.0
HOUR = 3_600.0
SPRING = Scope("campaign", "spring")


@pytest.fixture
def stats(tables: Tables) -> StatsStore:
    return StatsStore(tables)


def count(tables: Tables, counts: Counts, *, shard: int = 0, now: float = NOW) -> None:
    with TransactWrite(connection=tables.connection) as transaction:
        move(transaction, tables.stats, counts, shard=shard, now=now, retention_seconds=90 * 86_400)


def test_shards_are_added_up(tables: Tables, stats: StatsStore) -> None:
    for shard in range(SHARDS):
        count(tables, {Place(SPRING): {"sent": 2, "opened": 1}}, shard=shard, now=NOW + shard)
    assert stats.total(SPRING) == Totals(Counter(sent=2 * SHARDS, opened=SHARDS), since=NOW)


def test_a_counter_may_go_down_again(tables: Tables, stats: StatsStore) -> None:
    count(tables, {Place(SPRING): {"opened": 3}})
    count(tables, {Place(SPRING): {"opened": -1}}, shard=5)
    assert stats.total(SPRING).counts == {"opened": 2}


def test_scopes_do_not_mix(tables: Tables, stats: StatsStore) -> None:
    count(
        tables, {Place(SPRING): {"sent": 1}, Place(ACCOUNT): {"sent": 2}, Place(Scope("batch", "spring")): {"sent": 3}}
    )
    assert [stats.total(one).sent for one in (SPRING, ACCOUNT, Scope("batch", "spring"))] == [1, 2, 3]
    assert stats.total(Scope("campaign", "autumn")) == Totals()


def test_the_last_hours_are_those_that_are_asked_for(tables: Tables, stats: StatsStore) -> None:
    for past, bounced in enumerate([1, 2, 4]):
        count(tables, {Place(ACCOUNT, bucket("hour", NOW - past * HOUR)): {"hard_bounced": bounced}}, shard=past)
    assert stats.lately(ACCOUNT, now=NOW, hours=1).hard_bounced == 1
    assert stats.lately(ACCOUNT, now=NOW + HOUR - 1, hours=2).hard_bounced == 3
    assert stats.lately(ACCOUNT, now=NOW, hours=24).hard_bounced == 7


def test_a_series_has_the_times_in_which_something_happened(tables: Tables, stats: StatsStore) -> None:
    for minute in (0, 1, 3):
        place = Place(SPRING, bucket("minute", NOW + 60 * minute))
        count(tables, {place: {"sent": minute + 1}}, shard=minute)
        count(tables, {place: {"sent": 1}}, shard=9)
    count(tables, {Place(SPRING, bucket("hour", NOW)): {"sent": 9}})
    series = stats.series(SPRING, "minute", start=NOW + 59, end=NOW + 180)
    assert series == {int(NOW): Counter(sent=2), int(NOW) + 60: Counter(sent=3)}
    assert list(stats.series(SPRING, "minute", start=NOW, end=NOW + 181)) == [NOW, NOW + 60, NOW + 180]


def test_minutes_leave_soon_hours_and_batches_with_the_rows_and_a_campaigns_total_stays(tables: Tables) -> None:
    batch = Scope("batch", "b1")
    places = [Place(SPRING, bucket("minute", NOW)), Place(SPRING, bucket("hour", NOW)), Place(batch), Place(SPRING)]
    count(tables, {place: {"sent": 1} for place in places})
    rows = [tables.stats.get(place.scope.key(0), place.bucket) for place in places]
    lives = [row.expires_at and (row.expires_at.timestamp() - NOW) / 86_400 for row in rows]
    assert lives == [7, 90, 90, None]


def test_a_change_is_what_turns_one_state_into_the_other() -> None:
    minute, later = Place(SPRING, "minute#1"), Place(SPRING, "minute#2")
    before, after = (
        {Place(SPRING): {"opened": 1}, later: {"opened": 1}},
        {Place(SPRING): {"opened": 1}, minute: {"opened": 1}},
    )
    moved = difference(after, before)
    assert moved == {minute: {"opened": 1}, later: {"opened": -1}}
    assert total([before, moved]) == after


def test_an_hour_of_no_mail_disturbs_no_order() -> None:
    assert bucket("hour", -5.0) == bucket("hour", 0.0) < bucket("hour", NOW)
