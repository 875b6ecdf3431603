"""Parked chunks and the holder of the queue on moto's DynamoDB."""

from collections.abc import Callable

import pytest
from fakes.clock import Clock
from fakes.tables import RETENTION_SECONDS, parking_of

from ems.store.parking import Holder, Lot, Parking, Pick
from ems.store.tables import Tables


@pytest.fixture
def parking(tables: Tables, clock: Clock) -> Parking:
    return parking_of(tables, clock)


def lots(parking: Parking) -> list[Lot]:
    return list(parking.waiting().lots)


def test_lots_come_back_oldest_first_with_their_chunks_in_order(parking: Parking, clock: Clock) -> None:
    parking.park("b2", "welcome", {1: "one", 0: "zero", 2: "two"})
    clock.advance(1)
    parking.park("b1", "news", {7: "seven"})
    first, second = lots(parking)
    assert (first.batch_id, first.campaign_id, first.chunks) == ("b2", "welcome", (0, 1, 2))
    assert (second.batch_id, second.campaign_id, second.chunks) == ("b1", "news", (7,))
    assert parking.bodies([Pick(first, (0, 1)), Pick(second, (7,))]) == ["zero", "one", "seven"]


def test_a_lot_of_a_thousand_chunks_is_one_item_of_the_registry(parking: Parking, tables: Tables) -> None:
    parking.park("b1", "welcome", dict.fromkeys(range(1000), "body"))
    [lot] = lots(parking)
    assert lot.chunks == tuple(range(1_000))
    assert len(parking.bodies([Pick(lot, lot.chunks[:300])])) == 300
    assert len({row.batch_id for row in tables.batches.scan() if row.item == "parked"}) == 1_000


def test_chunks_that_left_are_gone_and_the_others_stay(parking: Parking, tables: Tables) -> None:
    parking.park("b1", "welcome", {0: "zero", 1: "one"})
    [lot] = lots(parking)
    parking.leave([Pick(lot, (0,))])
    [rest] = lots(parking)
    assert rest.chunks == (1,)
    assert parking.bodies([Pick(lot, (0, 1))]) == ["one"]
    parking.leave([Pick(rest, (1,))])
    assert lots(parking) == []
    assert list(tables.batches.scan()) == []


def test_a_chunk_that_is_parked_again_is_not_taken_out_by_whoever_takes_out_its_first_parking(
    parking: Parking,
) -> None:
    parking.park("b1", "welcome", {0: "first"})
    [first] = lots(parking)
    parking.park("b1", "welcome", {0: "second"})
    parking.leave([Pick(first, (0,))])
    [second] = lots(parking)
    assert parking.bodies([Pick(second, (0,))]) == ["second"]


@pytest.mark.parametrize("late", [(0,), (0, 1), (1,)])
def test_a_drainer_that_comes_late_takes_out_what_is_gone_without_harm(parking: Parking, late: tuple[int, ...]) -> None:
    parking.park("b1", "welcome", {0: "zero", 1: "one"})
    [lot] = lots(parking)
    parking.leave([Pick(lot, (0, 1))])
    assert parking.bodies([Pick(lot, late)]) == []
    parking.leave([Pick(lot, late)])
    assert lots(parking) == []


def test_what_is_parked_expires_with_the_records_of_its_batch(parking: Parking, tables: Tables, clock: Clock) -> None:
    parking.park("b1", "welcome", {0: "zero"})
    ends = {int(row.expires_at.timestamp()) for row in tables.batches.scan()}
    assert ends == {int(clock() + RETENTION_SECONDS)}


def test_the_queue_belongs_to_one_campaign_at_a_time(parking: Parking, clock: Clock) -> None:
    assert parking.waiting().holder is None
    assert parking.claim_queue("welcome")
    clock.advance(1)
    assert parking.claim_queue("welcome")
    assert not parking.claim_queue("news")
    assert parking.waiting().holder == Holder("welcome", clock())


@pytest.mark.parametrize(
    "meanwhile", [lambda parking: parking.claim_queue("welcome"), lambda parking: parking.claim_queue("news")]
)
def test_a_queue_that_was_given_more_meanwhile_is_not_freed(
    parking: Parking, clock: Clock, meanwhile: Callable[[Parking], bool]
) -> None:
    parking.claim_queue("welcome")
    seen = parking.waiting().holder
    assert seen is not None
    clock.advance(1)
    if not meanwhile(parking):  # another campaign: it could not have the queue before it was freed
        parking.free_queue(seen)
        assert meanwhile(parking)
    parking.free_queue(seen)
    assert parking.waiting().holder is not None
    parking.free_queue(parking.waiting().holder or seen)
    assert parking.waiting().holder is None
