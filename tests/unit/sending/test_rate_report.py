"""What GET /rate answers."""

import pytest
from fakes.clock import Clock
from fakes.queues import MemorySqs
from fakes.sending import chunk, single

from ems import queues
from ems.errors import UnavailableError
from ems.governor.status import RateStatus
from ems.sending.rate_report import RateReport
from ems.store.drain import DrainStore, Released
from ems.store.tables import Tables

LINE = RateStatus(
    limit=100.0,
    limit_source="account",
    effective_rate=95.0,
    used_last_second=3,
    used_last_minute=100,
    used_24h=1000,
    quota_24h=50_000,
    quota_left=49_000,
    quota_left_for_bulk=44_000,
    bulk_waits_for=None,
    bulk_waits_until=None,
    sending=True,
    penalty=0.0,
    line_ahead_seconds=0.0,
    account_age_seconds=1.0,
    account_error=None,
    clock_offset_seconds=None,
)


@pytest.fixture
def drain(tables: Tables, clock: Clock) -> DrainStore:
    return DrainStore(tables, clock=clock)


def report(sqs: MemorySqs, drain: DrainStore, line: RateStatus = LINE) -> RateReport:
    return RateReport(line=lambda: line, sqs=sqs, drain=drain)  # type: ignore[arg-type]  # the calls it makes


def test_an_idle_line_has_no_backlog(sqs: MemorySqs, drain: DrainStore) -> None:
    status = report(sqs, drain).status()
    assert (status["backlog"], status["eta_seconds"], status["account_limit"]) == (0, 0.0, 100.0)
    assert status["quota_left_for_bulk"] == 44_000


def test_the_backlog_is_what_waits_what_was_released_and_single_mails(sqs: MemorySqs, drain: DrainStore) -> None:
    sqs.send(queues.WAIT, [chunk(50, number=n).message() for n in range(3)])
    sqs.send(queues.TRIGGER, [chunk(20, number=9).message(), single("e1").message(), single("e2").message()])
    drain.acquire(owner="a", seconds=15)
    drain.release([Released("b1", 9, 20, 1.0)], owner="a")

    status = report(sqs, drain).status()
    assert (status["backlog"], status["eta_seconds"]) == (172, round(172 / 95, 1))


def test_queues_out_of_reach_are_an_outage(sqs: MemorySqs, drain: DrainStore) -> None:
    sqs.down = {"depth"}
    with pytest.raises(UnavailableError):
        report(sqs, drain).status()
