"""The drainer: what moves, what is parked, what is dropped, and how much."""

from dataclasses import replace
from typing import Any

import pytest
from fakes.clock import Clock
from fakes.queues import VISIBILITY_SECONDS, MemorySqs
from fakes.release import FakeLine, finish, labels, put, tick
from fakes.sending import CAMPAIGN, Died, FakeCampaigns, batch

from ems import queues
from ems.aws.sqs import OutgoingMessage
from ems.errors import UnavailableError
from ems.sending.drawer import IN_HAND_SECONDS
from ems.sending.fates import ACCEPT_SECONDS, MAX_KEEP_SECONDS
from ems.sending.payloads import ChunkLabel
from ems.sending.release import LEASE_SECONDS, Drainer
from ems.sending.unsent import FORGET_SECONDS
from ems.store.batches import BatchStore
from ems.store.drain import DrainStore
from ems.store.parking import Parking
from ems.store.tables import Tables


def test_a_tick_releases_what_the_line_sends_in_two_seconds(drainer: Drainer, sqs: MemorySqs) -> None:
    put(sqs, 10)
    assert tick(drainer).released == 4
    assert labels(sqs, queues.TRIGGER) == [("b1", n) for n in range(4)]
    assert len(sqs.bodies(queues.WAIT)) == 6


def test_nothing_more_is_released_while_the_senders_have_enough(
    drainer: Drainer, sqs: MemorySqs, tables: Tables
) -> None:
    put(sqs, 10)
    tick(drainer)
    assert tick(drainer).released == 0
    finish(tables, 0, 1, 2)
    assert tick(drainer).released == 3


def test_what_is_left_of_a_chunk_under_way_counts(drainer: Drainer, sqs: MemorySqs, tables: Tables) -> None:
    put(sqs, 10)
    tick(drainer)
    tables.batches("b1", "chunk#000000", state="open", left=[48, 49], under_way=[46, 47], sent=46, size=50).save()
    assert tick(drainer).budget == 46
    assert len(sqs.bodies(queues.TRIGGER)) == 5


@pytest.mark.parametrize(("rate_now", "released"), [(0.0, 0), (0.2, 1), (26.0, 2), (1000.0, 10)])
def test_the_slower_the_line_the_less_is_released(
    drainer: Drainer, sqs: MemorySqs, rate: FakeLine, rate_now: float, released: int
) -> None:
    rate.effective_rate = rate_now
    put(sqs, 10)
    assert tick(drainer).released == released


@pytest.mark.parametrize("hindrance", ["quota", "account"])
def test_while_all_bulk_waits_every_chunk_stays_where_it_costs_nothing(
    drainer: Drainer, sqs: MemorySqs, rate: FakeLine, hindrance: str
) -> None:
    rate.bulk_waits_for = hindrance
    put(sqs, 10)
    assert tick(drainer).released == 0
    assert len(sqs.bodies(queues.WAIT)) == 10
    rate.bulk_waits_for = None
    assert tick(drainer).released == 4


@pytest.mark.parametrize(("quota", "released"), [(0, 0), (60, 2), (10_000, 4)])
def test_no_more_is_released_than_the_days_quota_leaves_for_bulk(
    drainer: Drainer, sqs: MemorySqs, rate: FakeLine, quota: int, released: int
) -> None:
    rate.quota_left_for_bulk = quota
    put(sqs, 10)
    assert tick(drainer).released == released


def test_small_chunks_fill_the_budget_too(drainer: Drainer, sqs: MemorySqs) -> None:
    put(sqs, 60, size=5)
    assert tick(drainer).released == 40


def test_a_second_drainer_does_nothing_while_one_is_at_work(
    drainer: Drainer, sqs: MemorySqs, drain: DrainStore
) -> None:
    put(sqs, 1)
    drain.acquire(owner="other", seconds=LEASE_SECONDS)
    assert drainer.tick() is None
    assert sqs.bodies(queues.TRIGGER) == []


def test_chunks_of_a_paused_batch_are_parked_and_come_back_after_the_resume(
    drainer: Drainer, sqs: MemorySqs, batches: BatchStore, parking: Parking
) -> None:
    put(sqs, 3)
    batches.move("b1", "paused", allowed=("waiting",))
    assert (tick(drainer).parked, sqs.bodies(queues.WAIT), sqs.bodies(queues.TRIGGER)) == (3, [], [])
    assert not tick(drainer).moved

    batches.move("b1", "waiting", allowed=("paused",))
    assert tick(drainer).released == 3
    assert parking.waiting().lots == ()
    assert sorted(labels(sqs, queues.TRIGGER)) == [("b1", n) for n in range(3)]


def test_chunks_of_a_paused_campaign_are_parked_until_it_is_active(
    drainer: Drainer, sqs: MemorySqs, campaigns: FakeCampaigns
) -> None:
    put(sqs, 2)
    campaigns.campaigns["welcome"] = replace(CAMPAIGN, state="paused_by_breaker")
    assert tick(drainer).parked == 2
    campaigns.campaigns["welcome"] = CAMPAIGN
    assert tick(drainer).released == 2


def test_a_scheduled_batch_rests_until_it_is_due(
    drainer: Drainer, sqs: MemorySqs, batches: BatchStore, clock: Clock
) -> None:
    batches.create(batch("b2", send_at=clock() + 60))
    put(sqs, 2, batch_id="b2")
    assert tick(drainer).parked == 2
    clock.advance(60)
    assert tick(drainer).released == 2


def test_chunks_of_a_cancelled_batch_are_counted_and_dropped(
    drainer: Drainer, sqs: MemorySqs, batches: BatchStore
) -> None:
    put(sqs, 3)
    batches.move("b1", "cancelled", allowed=("waiting",))
    assert tick(drainer).dropped == 3
    assert batches.progress("b1").counts["cancelled"] == 150
    assert (sqs.bodies(queues.WAIT), sqs.bodies(queues.TRIGGER)) == ([], [])


def test_parked_chunks_of_a_batch_that_is_then_cancelled_are_counted_and_forgotten(
    drainer: Drainer, sqs: MemorySqs, batches: BatchStore, parking: Parking
) -> None:
    put(sqs, 3)
    batches.move("b1", "paused", allowed=("waiting",))
    tick(drainer)
    batches.move("b1", "cancelled", allowed=("paused",))
    tick(drainer)
    assert batches.progress("b1").counts["cancelled"] == 150
    assert parking.waiting().lots == ()
    assert (sqs.bodies(queues.WAIT), sqs.bodies(queues.TRIGGER)) == ([], [])


@pytest.mark.parametrize("parked", [False, True])
@pytest.mark.parametrize(
    "unclear",
    [
        {"state": "open", "left": [2, 3], "under_way": [0, 1], "lease_until": 1},
        {"state": "done", "doubted": {"b1-000000"}},
    ],
    ids=["its sender died", "it waits for doubts"],
)
def test_a_cancelled_chunk_of_which_something_is_unclear_goes_to_a_sender(
    drainer: Drainer, sqs: MemorySqs, batches: BatchStore, tables: Tables, unclear: dict[str, Any], *, parked: bool
) -> None:
    put(sqs, 1)
    tables.batches("b1", "chunk#000000", size=4, **unclear).save()
    if parked:
        batches.move("b1", "paused", allowed=("waiting",))
        tick(drainer)
    batches.move("b1", "cancelled", allowed=("waiting", "paused"))
    tick(drainer)
    assert labels(sqs, queues.TRIGGER) == [("b1", 0)]


def test_chunks_of_a_batch_nobody_knows_are_dropped(drainer: Drainer, sqs: MemorySqs) -> None:
    put(sqs, 2, batch_id="b9")
    assert tick(drainer).dropped == 2
    assert sqs.bodies(queues.WAIT) == []


def test_chunks_of_a_batch_that_is_being_accepted_are_kept_without_coming_closer_to_the_dead_letters(
    drainer: Drainer, sqs: MemorySqs, batches: BatchStore, clock: Clock
) -> None:
    batches.create(batch("b2", state="accepting", updated_at=clock()))
    put(sqs, 2, batch_id="b2")
    assert tick(drainer).kept == 2
    assert (sqs.delays(queues.WAIT), sqs.receive_counts(queues.WAIT)) == ([3, 3], [0, 0])

    clock.advance(200)
    assert tick(drainer).kept == 2
    assert sqs.delays(queues.WAIT) == [MAX_KEEP_SECONDS] * 2


def test_an_acceptance_that_died_is_given_up_and_its_chunks_are_never_sent(
    drainer: Drainer, sqs: MemorySqs, batches: BatchStore, clock: Clock
) -> None:
    batches.create(batch("b2", state="accepting", updated_at=clock()))
    put(sqs, 2, batch_id="b2")
    clock.advance(ACCEPT_SECONDS + 1)
    assert tick(drainer).dropped == 2
    abandoned = batches.get("b2")
    assert abandoned is not None
    assert abandoned.state == "abandoned"
    assert (sqs.bodies(queues.WAIT), sqs.bodies(queues.TRIGGER)) == ([], [])


def test_a_retry_gives_an_old_acceptance_its_full_time_again(
    drainer: Drainer, sqs: MemorySqs, batches: BatchStore, clock: Clock
) -> None:
    batches.create(batch("b2", state="accepting", updated_at=clock()))
    clock.advance(ACCEPT_SECONDS + 1)
    batches.move("b2", "accepting", allowed=("accepting",))
    put(sqs, 2, batch_id="b2")
    assert (tick(drainer).dropped, len(sqs.bodies(queues.WAIT))) == (0, 2)


@pytest.mark.parametrize("body", ["hello", "{}", '{"headers": null}', '{"headers": {"ems_chunk": "abcd"}}'])
def test_a_foreign_message_stays_for_the_dead_letter_queue_and_stops_nobody(
    drainer: Drainer, sqs: MemorySqs, body: str
) -> None:
    sqs.send(queues.WAIT, [OutgoingMessage(body)])
    put(sqs, 1)
    assert tick(drainer).released == 1
    assert sqs.bodies(queues.WAIT) == [body]
    assert sqs.receive_counts(queues.WAIT) == [1]


def test_a_crash_between_send_and_delete_leaves_a_copy_that_is_released_once_more(
    drainer: Drainer, sqs: MemorySqs, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise Died

    put(sqs, 1)
    with monkeypatch.context() as dying:
        dying.setattr(sqs, "delete", die)
        with pytest.raises(Died):
            drainer.tick()
    assert len(sqs.bodies(queues.WAIT)) == 1
    clock.advance(max(LEASE_SECONDS, IN_HAND_SECONDS) + 1)

    tick(drainer)
    assert labels(sqs, queues.TRIGGER) == [("b1", 0)] * 2
    assert sqs.bodies(queues.WAIT) == []
    assert tick(drainer).budget == 150


def test_when_deletes_fail_no_more_is_released_than_the_line_takes(drainer: Drainer, sqs: MemorySqs) -> None:
    put(sqs, 20)
    sqs.down = {"delete"}
    with pytest.raises(UnavailableError):
        drainer.tick()
    assert tick(drainer).released == 0
    assert len(sqs.bodies(queues.TRIGGER)) == 4


@pytest.mark.parametrize("quickly", [False, True])
def test_a_batch_paused_right_after_its_release_does_not_hold_up_the_line(
    drainer: Drainer, sqs: MemorySqs, batches: BatchStore, parking: Parking, *, quickly: bool
) -> None:
    """Its chunks are parked by the senders, so nobody will ever report them as sent."""
    put(sqs, 4)
    tick(drainer)
    batches.move("b1", "paused", allowed=("waiting",))
    for message in sqs.receive(queues.TRIGGER, limit=10):
        parking.park("b1", "welcome", {ChunkLabel.of_body(message.body).chunk: message.body})
        sqs.delete(queues.TRIGGER, [message])
    if not quickly:
        assert tick(drainer).budget == 200
    batches.move("b1", "waiting", allowed=("paused",))

    tick(drainer)
    assert len(sqs.bodies(queues.TRIGGER)) == 4


def test_chunks_that_died_into_the_dead_letter_queue_do_not_hold_up_the_line(
    drainer: Drainer, sqs: MemorySqs, clock: Clock
) -> None:
    put(sqs, 8)
    tick(drainer)
    clock.advance(VISIBILITY_SECONDS * queues.MAX_RECEIVES + 1)
    assert tick(drainer).released == 0, "their messages are still to come"
    sqs.queues[queues.TRIGGER].clear()
    assert tick(drainer).released == 4


def test_a_chunk_that_was_released_long_ago_stops_counting_whatever_is_in_the_queue(
    drainer: Drainer, sqs: MemorySqs, clock: Clock
) -> None:
    put(sqs, 8)
    tick(drainer)
    clock.advance(FORGET_SECONDS + 1)
    assert tick(drainer).released == 4


def test_a_long_tick_ends_before_its_lease(
    drainer: Drainer,
    sqs: MemorySqs,
    batches: BatchStore,
    parking: Parking,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    park = parking.park

    def slowly(*parked: object) -> None:
        clock.advance(0.3)
        park(*parked)  # type: ignore[arg-type]

    monkeypatch.setattr(parking, "park", slowly)
    put(sqs, 100)
    batches.move("b1", "paused", allowed=("waiting",))
    began = clock()
    assert tick(drainer).parked < 100
    assert clock() - began < LEASE_SECONDS


def test_an_outage_in_the_middle_of_a_tick_never_makes_poison_of_a_chunk(
    drainer: Drainer, sqs: MemorySqs, clock: Clock, campaigns: FakeCampaigns
) -> None:
    put(sqs, 2)
    sqs.send(queues.WAIT, [OutgoingMessage("foreign")])
    campaigns.down = True
    for _ in range(20):
        with pytest.raises(UnavailableError):
            drainer.tick()
        clock.advance(IN_HAND_SECONDS + 1)
        assert max(sqs.receive_counts(queues.WAIT)[1:], default=0) < queues.MAX_RECEIVES
    assert sqs.receive_counts(queues.WAIT)[0] == 20
    campaigns.down = False
    assert tick(drainer).released == 2
    assert sorted(labels(sqs, queues.TRIGGER)) == [("b1", 0), ("b1", 1)]
