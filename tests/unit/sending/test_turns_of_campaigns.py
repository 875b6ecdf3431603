"""Campaigns that wait at the same time: who holds the queue, who is parked, and how the drainer takes turns."""

from collections import Counter
from dataclasses import replace

import pytest
from fakes.clock import Clock
from fakes.queues import MemorySqs
from fakes.release import FakeLine, finish, labels, put, tick
from fakes.sending import CAMPAIGN, Died, FakeCampaigns, batch, chunk, entry

from ems import queues
from ems.sending.accept import Acceptance
from ems.sending.drawer import HOLD_SECONDS
from ems.sending.release import ENDED_PER_TICK, Drainer
from ems.sending.requests import BulkRequest, Caller
from ems.store.batches import BatchStore
from ems.store.drain import DrainStore
from ems.store.parking import Parking
from ems.store.tables import Tables


@pytest.fixture(autouse=True)
def _more_campaigns(campaigns: FakeCampaigns) -> None:
    for name in ("news", "offers"):
        campaigns.campaigns[name] = replace(CAMPAIGN, campaign_id=name)


def accept(acceptance: Acceptance, campaign_id: str, number: int, *, send_at: float | None = None) -> str:
    request = BulkRequest(campaign_id, [entry(i) for i in range(number)], send_at=send_at)
    return acceptance.bulk(request, Caller("key-1")).batch_id


def released(sqs: MemorySqs) -> Counter[str]:
    """Count the released chunks by batch."""
    return Counter(batch_id for batch_id, _ in labels(sqs, queues.TRIGGER))


def send_all(sqs: MemorySqs, tables: Tables) -> None:
    """Let the senders be done with all that was released."""
    for batch_id, number in labels(sqs, queues.TRIGGER):
        finish(tables, number, batch_id=batch_id)
    sqs.queues[queues.TRIGGER] = []


def parked(parking: Parking) -> Counter[str]:
    """Count the parked chunks by campaign."""
    return Counter(lot.campaign_id for lot in parking.waiting().lots for _ in lot.chunks)


def test_a_campaign_that_comes_while_another_holds_the_queue_is_parked(
    acceptance: Acceptance, sqs: MemorySqs, parking: Parking
) -> None:
    accept(acceptance, "welcome", 200)
    accept(acceptance, "news", 120)
    accept(acceptance, "welcome", 100)
    assert len(sqs.bodies(queues.WAIT)) == 4 + 2
    assert parked(parking) == {"news": 3}


def test_a_batch_whose_time_is_ahead_is_parked_and_leaves_the_queue_to_others(
    acceptance: Acceptance, sqs: MemorySqs, parking: Parking, drainer: Drainer, clock: Clock
) -> None:
    scheduled = accept(acceptance, "welcome", 100, send_at=clock() + 60)
    assert (parked(parking), parking.waiting().holder) == ({"welcome": 2}, None)
    now = accept(acceptance, "news", 50)
    tick(drainer)
    assert released(sqs) == {now: 1}
    clock.advance(60)
    tick(drainer)
    assert released(sqs) == {now: 1, scheduled: 2}


def test_a_small_campaign_does_not_wait_behind_a_large_one(
    drainer: Drainer, acceptance: Acceptance, sqs: MemorySqs, batches: BatchStore, parking: Parking, tables: Tables
) -> None:
    parking.claim_queue("welcome")
    put(sqs, 500)
    small = accept(acceptance, "news", 200)
    for _ in range(4):
        tick(drainer)
        send_all(sqs, tables)
    assert batches.progress(small).counts["sent"] == 200
    assert parking.waiting().lots == ()
    assert len(sqs.bodies(queues.WAIT)) > 480


def test_campaigns_share_by_recipients_and_one_that_is_alone_has_everything(
    drainer: Drainer, acceptance: Acceptance, sqs: MemorySqs, parking: Parking, tables: Tables
) -> None:
    parking.claim_queue("welcome")
    put(sqs, 400)
    news = [accept(acceptance, "news", 200), accept(acceptance, "news", 200)]
    offers = accept(acceptance, "offers", 200)
    total: Counter[str] = Counter()
    for _ in range(6):
        assert tick(drainer).released == 4
        total += released(sqs)
        send_all(sqs, tables)
    assert total[offers] == 4
    assert sum(total[one] for one in news) == 8
    assert total["b1"] == 12
    tick(drainer)
    assert released(sqs) == {"b1": 4}


def test_turns_are_taken_across_ticks_though_one_chunk_fits_into_each(
    drainer: Drainer, acceptance: Acceptance, rate: FakeLine, sqs: MemorySqs, parking: Parking, tables: Tables
) -> None:
    rate.effective_rate = 20.0
    parking.claim_queue("welcome")
    put(sqs, 30)
    news = accept(acceptance, "news", 200)
    total: Counter[str] = Counter()
    for _ in range(8):
        assert tick(drainer).released == 1
        total += released(sqs)
        send_all(sqs, tables)
    assert total == {"b1": 4, news: 4}


def test_what_a_paused_campaign_leaves_in_the_queue_costs_the_others_no_turn(
    drainer: Drainer, acceptance: Acceptance, campaigns: FakeCampaigns, sqs: MemorySqs, parking: Parking
) -> None:
    parking.claim_queue("welcome")
    put(sqs, 100)
    campaigns.campaigns["welcome"] = replace(CAMPAIGN, state="paused_by_operator")
    news = accept(acceptance, "news", 200)
    done = tick(drainer)
    assert (done.released, released(sqs)) == (4, {news: 4})
    assert 0 < done.parked < 100


def test_the_queue_is_let_go_when_it_is_empty_and_its_holder_has_had_time_to_fill_it(
    drainer: Drainer, acceptance: Acceptance, sqs: MemorySqs, parking: Parking, tables: Tables, clock: Clock
) -> None:
    accept(acceptance, "welcome", 50)
    tick(drainer)
    send_all(sqs, tables)
    tick(drainer)
    assert parking.waiting().holder is not None
    clock.advance(HOLD_SECONDS + 1)
    tick(drainer)
    assert parking.waiting().holder is None
    accept(acceptance, "news", 50)
    assert (len(sqs.bodies(queues.WAIT)), parked(parking)) == (1, {})


def test_a_queue_whose_messages_are_hidden_is_not_empty(
    drainer: Drainer, sqs: MemorySqs, parking: Parking, clock: Clock
) -> None:
    parking.claim_queue("welcome")
    put(sqs, 1)
    sqs.receive(queues.WAIT, limit=1, visibility_seconds=60)
    clock.advance(HOLD_SECONDS + 1)
    tick(drainer)
    assert parking.waiting().holder is not None


def test_chunks_in_a_queue_of_which_nobody_knew_whose_it_is_tell_it(
    drainer: Drainer, acceptance: Acceptance, sqs: MemorySqs, parking: Parking
) -> None:
    put(sqs, 20)
    assert tick(drainer).released == 4
    accept(acceptance, "news", 50)
    assert parked(parking) == {"news": 1}


def test_while_nobody_is_known_to_hold_the_queue_it_gets_its_turns_too(
    drainer: Drainer, acceptance: Acceptance, sqs: MemorySqs, parking: Parking
) -> None:
    parking.claim_queue("offers")
    news = accept(acceptance, "news", 200)
    holder = parking.waiting().holder
    assert holder is not None
    parking.free_queue(holder)
    put(sqs, 20)
    tick(drainer)
    assert released(sqs) == {news: 2, "b1": 2}


def test_a_crash_between_the_senders_queue_and_the_parking_leaves_a_copy(
    drainer: Drainer,
    acceptance: Acceptance,
    sqs: MemorySqs,
    parking: Parking,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def die(*_: object) -> None:
        raise Died

    parking.claim_queue("welcome")
    news = accept(acceptance, "news", 50)
    with monkeypatch.context() as dying:
        dying.setattr(parking, "leave", die)
        with pytest.raises(Died):
            drainer.tick()
    assert parked(parking) == {"news": 1}
    clock.advance(60)
    tick(drainer)
    assert labels(sqs, queues.TRIGGER) == [(news, 0)] * 2
    assert parking.waiting().lots == ()


def test_a_chunk_that_is_parked_again_while_it_is_released_is_not_lost(
    drainer: Drainer,
    acceptance: Acceptance,
    batches: BatchStore,
    sqs: MemorySqs,
    parking: Parking,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A sender takes it at once, finds its batch paused, and parks it, all before the drainer has taken it out."""
    parking.claim_queue("welcome")
    news = accept(acceptance, "news", 50)
    leave = parking.leave

    def slowly(picks: object) -> None:
        batches.move(news, "paused", allowed=("waiting",))
        [message] = sqs.receive(queues.TRIGGER, limit=1)
        parking.park(news, "news", {0: message.body})
        sqs.delete(queues.TRIGGER, [message])
        leave(picks)  # type: ignore[arg-type]

    with monkeypatch.context() as slow:
        slow.setattr(parking, "leave", slowly)
        tick(drainer)
    assert parked(parking) == {"news": 1}
    batches.move(news, "waiting", allowed=("paused",))
    tick(drainer)
    assert labels(sqs, queues.TRIGGER) == [(news, 0)]


def test_a_large_cancelled_batch_is_ended_over_many_ticks_and_holds_nobody_up(
    drainer: Drainer, batches: BatchStore, sqs: MemorySqs, parking: Parking
) -> None:
    batches.create(batch("b2", total=60, state="cancelled"))
    parking.park("b2", "welcome", {n: chunk(1, batch_id="b2", number=n).message().body for n in range(60)})
    put(sqs, 4)
    first = tick(drainer)
    assert (first.released, first.dropped) == (4, ENDED_PER_TICK)
    assert tick(drainer).dropped == 60 - ENDED_PER_TICK
    assert batches.progress("b2").counts["cancelled"] == 60
    assert parking.waiting().lots == ()


def test_the_drainer_remembers_how_many_chunks_wait_for_their_turn_besides_the_queue(
    drainer: Drainer, acceptance: Acceptance, drain: DrainStore, parking: Parking, clock: Clock
) -> None:
    parking.claim_queue("welcome")
    accept(acceptance, "offers", 200, send_at=clock() + 60)
    for _ in range(3):
        accept(acceptance, "news", 200)
    tick(drainer)
    assert drain.read().parked == 12 - 4
