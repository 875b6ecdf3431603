"""The line in a real DynamoDB API: what each conditional write promises, also under contention."""

import multiprocessing
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import pytest
from fakes.contenders import book_in_threads
from fakes.rate_store import MemoryRateStore
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ems.aws.clock import SkewMeter
from ems.errors import UnavailableError
from ems.governor.line import Grant, decide
from ems.governor.policy import Policy
from ems.settings import Settings
from ems.store.rate import DynamoRateStore, connect
from ems.store.rate_item import KEPT_SECONDS, SECOND, Booked, Booking, Line, MalformedLineError, Refused
from ems.store.tables import bind

pytestmark = pytest.mark.processes

NOW = 1_700_000_000 * SECOND
POLICY = Policy(max_send_rate=1000, headroom=0)


@pytest.fixture
def table(aws_environment: dict[str, str]) -> Iterator[str]:
    rate = bind(Settings(table_prefix=f"t{time.time_ns()}-", aws_region=aws_environment["AWS_REGION"])).rate
    rate.create_table(wait=True)
    yield rate.Meta.table_name
    rate.delete_table()


@pytest.fixture
def store(table: str) -> DynamoRateStore:
    return DynamoRateStore(connect(Settings()), table)


def booking(line: Line, *, now: int = NOW, calls: tuple[int, ...] = (2,), policy: Policy = POLICY) -> Booking:
    grant = decide(line, calls=calls, lane="bulk", now=now, policy=policy)
    assert isinstance(grant, Grant)
    return grant.booking


def created(store: DynamoRateStore) -> Line:
    line = store.claim_refresh(now=NOW - 100 * SECOND, every=60 * SECOND)
    assert line is not None
    return line


def test_a_table_without_a_line_reads_as_none(store: DynamoRateStore) -> None:
    assert store.read() is None


def test_booking_without_a_line_is_refused_without_one(store: DynamoRateStore) -> None:
    assert store.book(booking(Line())) == Refused(None)


def test_one_claim_in_a_minute_creates_the_line(store: DynamoRateStore) -> None:
    assert store.claim_refresh(now=NOW, every=60 * SECOND) == Line(refresh_at=NOW)
    assert store.claim_refresh(now=NOW + 59 * SECOND, every=60 * SECOND) is None
    assert store.claim_refresh(now=NOW + 60 * SECOND, every=60 * SECOND) == Line(refresh_at=NOW + 60 * SECOND)


def test_an_idle_line_starts_now_and_a_busy_line_appends(store: DynamoRateStore) -> None:
    first = store.book(booking(created(store)))
    assert isinstance(first, Booked)
    assert first.start_at == NOW
    second = store.book(booking(first.line))
    assert isinstance(second, Booked)
    assert second.start_at == NOW + 2_000
    assert second.line == store.read()
    assert second.line.granted == 4
    assert second.line.granted_in(NOW // SECOND) == 4


def test_a_refused_booking_answers_with_the_line_and_costs_nothing(store: DynamoRateStore) -> None:
    stale = created(store)
    booked = store.book(booking(stale))
    assert isinstance(booked, Booked)
    assert store.book(booking(stale)) == Refused(booked.line)
    assert store.read() == booked.line


def test_a_process_with_a_stale_rate_is_not_granted(store: DynamoRateStore) -> None:
    line = created(store)
    revised = store.revise(replace(line, send_limit=50_000, penalty_rate=10_000, penalty_at=NOW))
    assert isinstance(revised, Line)
    assert revised == replace(line, send_limit=50_000, penalty_rate=10_000, penalty_at=NOW, revision=1)
    assert store.book(booking(line)) == Refused(revised)
    assert store.revise(line) == Refused(revised)


def test_a_quota_that_others_used_meanwhile_refuses(store: DynamoRateStore) -> None:
    line = created(store)
    sampled = store.revise(replace(line, max_24h=4, sampled_at=NOW))
    assert isinstance(sampled, Line)
    policy = replace(POLICY, daily_reserve=0)
    first = store.book(booking(sampled, policy=policy))
    assert isinstance(first, Booked)
    last_two = booking(first.line, policy=policy)
    assert isinstance(store.book(last_two), Booked)
    assert isinstance(store.book(last_two), Refused)


def test_capped_bulk_calls_keep_their_distance(store: DynamoRateStore) -> None:
    policy = replace(POLICY, bulk_calls_per_second=2)
    first = store.book(booking(created(store), policy=policy))
    assert isinstance(first, Booked)
    assert first.line.bulk_at == NOW + SECOND // 2
    early = booking(replace(first.line, bulk_at=0), policy=policy)
    assert isinstance(store.book(early), Refused)
    later = store.book(booking(first.line, now=NOW + SECOND // 2, policy=policy))
    assert isinstance(later, Booked)
    assert later.start_at == NOW + SECOND // 2


def test_an_item_that_is_no_line_says_what_to_do(store: DynamoRateStore, table: str) -> None:
    connect(Settings()).put_item(TableName=table, Item={"account": {"S": "ses"}, "next_at": {"S": "soon"}})
    with pytest.raises(MalformedLineError, match="delete the item"):
        store.read()


@pytest.mark.usefixtures("aws_environment")
def test_a_missing_table_is_unavailable_and_names_the_remedy() -> None:
    store = DynamoRateStore(connect(Settings()), "no-such-table")
    for use in (store.read, lambda: store.book(booking(Line())), lambda: store.claim_refresh(now=NOW, every=1)):
        with pytest.raises(UnavailableError, match="ems provision"):
            use()


def test_the_item_costs_one_write_unit(store: DynamoRateStore, table: str) -> None:
    line, now = created(store), NOW
    for second in range(KEPT_SECONDS + 1):
        outcome = store.book(replace(booking(line, now=now + second * SECOND), recipients=5_000))
        assert isinstance(outcome, Booked)
        line = outcome.line
    item = connect(Settings()).get_item(TableName=table, Key={"account": {"S": "ses"}})["Item"]
    # A number takes about one byte for two digits and one more, a name its length (DynamoDB guide, "Item sizes").
    size = sum(len(name) + len(value.get("N", value.get("S"))) // 2 + 2 for name, value in item.items())
    assert size < 1024


steps = st.lists(
    st.tuples(st.integers(0, 90 * SECOND), st.lists(st.integers(1, 50), min_size=1, max_size=3), st.booleans()),
    min_size=1,
    max_size=8,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps, cap=st.sampled_from([None, 5.0]))
def test_memory_and_dynamodb_agree_on_every_booking(
    store: DynamoRateStore, steps: list[tuple[int, list[int], bool]], cap: float | None
) -> None:
    policy = replace(POLICY, bulk_calls_per_second=cap)
    line = store.read() or created(store)
    memory = MemoryRateStore(line)
    now = max(NOW, line.next_at)
    for pause, calls, stale in steps:
        now += pause // 10 if stale else pause
        decision = decide(line, calls=tuple(calls), lane="bulk", now=now, policy=policy)
        if not isinstance(decision, Grant):
            continue
        outcome = store.book(decision.booking)
        assert outcome == memory.book(decision.booking)
        if not stale and outcome.line is not None:
            line = outcome.line


def test_processes_and_threads_never_share_a_slot(store: DynamoRateStore, table: str) -> None:
    created(store)
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        slots = sorted(slot for slots in pool.map(book_in_threads, [table, table]) for slot in slots)
    line = store.read()
    assert line is not None
    assert len(slots) == 120
    assert line.granted == 3 * 120
    assert sum(line.used.values()) == 3 * 120
    assert all(start + cost <= following for (start, cost), (following, _) in pairwise(slots))
    assert line.next_at == slots[-1][0] + slots[-1][1]


def test_the_answers_of_a_client_measure_the_clock(store: DynamoRateStore) -> None:
    meter = SkewMeter()
    meter.attach(store._client)
    assert meter.bounds() is None
    for _ in range(3):
        store.read()
    bounds = meter.bounds()
    assert bounds is not None
    assert bounds[0] <= 0 <= bounds[1]
    assert not meter.skew_exceeds(0.25)
