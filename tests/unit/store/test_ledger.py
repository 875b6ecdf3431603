"""The chunk writes on moto's DynamoDB."""

from dataclasses import replace

import pytest
from fakes.clock import Clock
from fakes.tables import ledger_of
from pynamodb.exceptions import TransactWriteError

from ems.store.chunk_counts import counts_of
from ems.store.chunk_state import Busy, ChunkKey, ChunkState, Done, Settled
from ems.store.ledger import LeaseLostError, Ledger
from ems.store.models import BatchRow
from ems.store.status import Status
from ems.store.tables import Tables

KEY = ChunkKey("b1", 0, "welcome", "bulk", 4)


@pytest.fixture
def ledger(tables: Tables, clock: Clock) -> Ledger:
    return ledger_of(tables, clock)


def row(tables: Tables) -> BatchRow:
    return tables.batches.get("b1", KEY.item)


def settled(position: int, status: Status, message_id: str | None = None) -> Settled:
    return Settled(position, f"b1-00000{position}", f"person{position}@example.com", status, message_id)


def claimed(ledger: Ledger, owner: str = "a") -> ChunkState:
    state = ledger.claim(KEY, owner=owner, lease_seconds=60)
    assert isinstance(state, ChunkState)
    return state


def test_a_new_chunk_has_everybody_left(ledger: Ledger) -> None:
    assert claimed(ledger) == ChunkState(left=(0, 1, 2, 3), under_way=())


def test_a_claimed_chunk_is_busy_until_its_lease_ends(ledger: Ledger, clock: Clock) -> None:
    claimed(ledger)
    assert ledger.claim(KEY, owner="b", lease_seconds=60) == Busy(until=clock() + 60)

    clock.advance(61)
    claimed(ledger, "b")


def test_a_claim_that_was_sent_twice_is_still_ones_own(ledger: Ledger) -> None:
    claimed(ledger)
    claimed(ledger)


def test_the_rows_of_a_chunks_mails_know_the_request_that_they_were_accepted_with(
    ledger: Ledger, tables: Tables
) -> None:
    key = replace(KEY, request_id="r-1")
    ledger.settle(key, claimed(ledger), [settled(0, Status.SENT, "m0")], owner="a", next_call=[1])
    assert tables.emails.get("b1-000000").request_id == "r-1"


def test_one_transaction_settles_a_call_and_marks_the_next(ledger: Ledger, tables: Tables) -> None:
    state = ledger.settle(KEY, claimed(ledger), [], owner="a", next_call=[0, 1])
    state = ledger.settle(KEY, state, [settled(0, Status.SENT, "m0")], owner="a", next_call=[1, 2])

    assert state == ChunkState(left=(3,), under_way=(1, 2))
    assert (row(tables).left, row(tables).under_way, row(tables).state) == ([3], [1, 2], "open")
    mail = tables.emails.get("b1-000000")
    assert (mail.send_status, mail.message_id, mail.batch_id, mail.chunk) == ("sent", "m0", "b1", 0)


def test_what_ses_gave_back_goes_to_the_front(ledger: Ledger) -> None:
    state = ledger.settle(KEY, claimed(ledger), [], owner="a", next_call=[0, 1])
    assert ledger.settle(KEY, state, [settled(1, Status.SENT)], owner="a", next_call=()).left == (0, 2, 3)


def test_a_chunk_with_nothing_left_is_done_and_cannot_be_claimed(ledger: Ledger, tables: Tables, clock: Clock) -> None:
    outcomes = [Status.SENT, Status.FAILED, Status.IN_DOUBT, Status.SUPPRESSED]
    ledger.settle(KEY, claimed(ledger), [settled(p, s) for p, s in enumerate(outcomes)], owner="a", next_call=())
    clock.advance(61)

    assert ledger.claim(KEY, owner="b", lease_seconds=60) == Done(unresolved=True)
    counts = {status: number for status, number in counts_of(row(tables)).items() if number}
    assert counts == {"sent": 1, "failed": 1, "in_doubt": 1, "suppressed": 1}


def test_whoever_ses_was_asked_about_has_one_attempt(ledger: Ledger, tables: Tables) -> None:
    outcomes = [Status.SENT, Status.FAILED, Status.IN_DOUBT, Status.SUPPRESSED]
    ledger.settle(KEY, claimed(ledger), [settled(p, s) for p, s in enumerate(outcomes)], owner="a", next_call=())

    assert [tables.emails.get(f"b1-00000{p}").attempts for p in range(4)] == [1, 1, 1, None]


def test_a_taken_over_chunk_shows_what_was_under_way(ledger: Ledger, clock: Clock) -> None:
    ledger.settle(KEY, claimed(ledger), [], owner="a", next_call=[0, 1])
    clock.advance(61)
    assert claimed(ledger, "b") == ChunkState(left=(2, 3), under_way=(0, 1))


def test_whoever_lost_the_lease_writes_nothing(ledger: Ledger, tables: Tables, clock: Clock) -> None:
    state = claimed(ledger)
    clock.advance(61)
    claimed(ledger, "b")

    with pytest.raises(LeaseLostError):
        ledger.settle(KEY, state, [settled(0, Status.SENT)], owner="a", next_call=())
    with pytest.raises(LeaseLostError):
        ledger.release(KEY, state, owner="a")
    assert list(tables.emails.scan()) == []


def test_a_released_chunk_is_free_at_once_with_its_unmade_call_left(ledger: Ledger) -> None:
    state = ledger.settle(KEY, claimed(ledger), [], owner="a", next_call=[0, 1])
    ledger.release(KEY, state, owner="a")
    assert claimed(ledger, "b") == ChunkState(left=(0, 1, 2, 3), under_way=())


def test_fifty_recipients_and_their_chunk_fit_into_one_transaction(ledger: Ledger, tables: Tables) -> None:
    key = ChunkKey("b1", 0, "welcome", "bulk", 50)
    state = ledger.claim(key, owner="a", lease_seconds=60)
    assert isinstance(state, ChunkState)
    everybody = [
        Settled(p, f"b1-{p:06d}", f"person{p}@example.com", Status.SENT, message_id=f"m{p}") for p in range(50)
    ]

    ledger.settle(key, state, everybody, owner="a", next_call=())
    assert counts_of(row(tables))["sent"] == 50
    assert sum(1 for _ in tables.emails.scan()) == 50


def test_only_mails_that_an_event_speaks_of_are_proven(ledger: Ledger, tables: Tables) -> None:
    tables.emails("b1-000000", event_status="sent").save()
    tables.emails("b1-000001", send_status="sending").save()
    assert ledger.evidence(["b1-000000", "b1-000001", "b1-000002"]) == {"b1-000000"}


def test_a_transaction_that_dynamodb_calls_wrong_is_an_error_and_no_lost_lease(ledger: Ledger) -> None:
    twice = [settled(0, Status.SENT), settled(0, Status.SENT)]
    with pytest.raises(TransactWriteError):
        ledger.settle(KEY, claimed(ledger), twice, owner="a", next_call=())
