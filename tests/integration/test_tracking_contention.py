"""Many workers on one mail's row, in a DynamoDB API whose transactions are real."""

import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from fakes.ses_events import event
from pynamodb.transactions import TransactWrite

from ems.settings import Settings
from ems.store.suppressions import Suppressions
from ems.store.tables import Tables, bind
from ems.store.tracking import TrackingStore
from ems.store.transactions import transact
from ems.tracking.apply import Tracker
from ems.tracking.outcomes import Outcome

pytestmark = pytest.mark.processes

WORKERS = 6
DAY = 86_400.0
EVENTS = ("send", "delivery", "open", "click", "bounce_permanent", "complaint", "delivery_delay", "unknown")


@pytest.fixture
def real_tables(aws_environment: dict[str, str]) -> Iterator[Tables]:
    bound = bind(Settings(table_prefix=f"t{time.time_ns()}-", aws_region=aws_environment["AWS_REGION"]))
    for table in bound.all():
        table.create_table(wait=True)
    yield bound
    for table in bound.all():
        table.delete_table()


@pytest.fixture
def tracker(real_tables: Tables) -> Tracker:
    store = TrackingStore(real_tables, retention_seconds=DAY, clock=time.time)
    return Tracker(store=store, suppressions=Suppressions(real_tables))


def test_every_event_counts_once_while_workers_and_the_sender_write_the_same_row(
    real_tables: Tables, tracker: Tracker
) -> None:
    def send(number: int) -> None:
        def write(transaction: TransactWrite) -> None:
            transaction.update(real_tables.emails("em-1"), actions=[real_tables.emails.attempts.set(number)])

        assert transact(real_tables, "cannot count an attempt", write)

    deliveries = [name for name in EVENTS for _ in range(3)]
    random.Random(7).shuffle(deliveries)
    with ThreadPoolExecutor(WORKERS) as workers:
        sending = [workers.submit(send, number) for number in range(1, 6)]
        outcomes = list(workers.map(lambda name: tracker.apply(event(name))[0].outcome, deliveries))
        for future in sending:
            future.result()
    row = real_tables.emails.get("em-1", consistent_read=True)
    assert outcomes.count(Outcome.APPLIED) == len(EVENTS)
    assert {kind: moment["count"] for kind, moment in row.moments.items()} == dict.fromkeys(
        ("send", "delivery", "open", "click", "bounce", "complaint", "delivery_delay", "unknown"), 1
    )
    assert len(row.timeline) == row.version == len(EVENTS)
    assert row.event_status == "complained"
    assert row.attempts in range(1, 6)


def test_a_doubt_that_many_events_settle_at_once_moves_one_count(real_tables: Tables, tracker: Tracker) -> None:
    real_tables.emails("em-1", send_status="in_doubt", batch_id="b-1", chunk=0).save()
    real_tables.batches("b-1", "chunk#000000", sent=49, in_doubt=1).save()
    with ThreadPoolExecutor(WORKERS) as workers:
        settled = list(workers.map(lambda name: tracker.apply(event(name))[0].settled_doubt, EVENTS * 2))
    chunk = real_tables.batches.get("b-1", "chunk#000000", consistent_read=True)
    assert (settled.count(True), chunk.sent, chunk.in_doubt) == (1, 50, 0)
    assert real_tables.emails.get("em-1", consistent_read=True).send_status == "sent"
