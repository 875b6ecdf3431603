"""What GET /rate answers."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from fakes.clock import Clock
from fakes.queues import MemorySqs
from fakes.sending import chunk, single

from ems import queues
from ems.errors import UnavailableError
from ems.governor.minute import FRESH_SECONDS, Minute
from ems.governor.policy import Policy
from ems.governor.status import RateStatus
from ems.sending.rate_report import RateReport
from ems.store.drain import DrainStore, Memory, Released
from ems.store.senders import SenderReport
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


class Senders:
    """One sender, that reported at 1,000,000."""

    def read(self, *, newer_than: float) -> list[SenderReport]:
        report = SenderReport(process="mail-1-7", at=1_000_000.0)
        return [report] if report.at > newer_than else []


def minute(reports: Sequence[SenderReport]) -> Minute:
    return Minute(
        senders=tuple(reports),
        lanes={},
        refused={},
        lease_requests=0,
        unused_seconds={"no_work": 60.0, "no_grant": 0.0},
    )


def fifty(_limit: float) -> int:
    return 50


def report(
    sqs: MemorySqs,
    drain: DrainStore,
    line: RateStatus = LINE,
    *,
    now: float = 1_000_001.0,
    chunk_size: Callable[[float], int] = fifty,
) -> RateReport:
    return RateReport(
        line=lambda: line,
        minute=minute,
        senders=Senders(),
        sqs=sqs,  # type: ignore[arg-type]  # the calls it makes
        drain=drain,
        chunk_size=chunk_size,
        clock=lambda: now,
    )


def test_an_idle_line_has_no_backlog(sqs: MemorySqs, drain: DrainStore) -> None:
    status = report(sqs, drain).status()
    assert (status["backlog"], status["eta_seconds"], status["account_limit"]) == (0, 0.0, 100.0)
    assert status["quota_left_for_bulk"] == 44_000


def test_the_backlog_is_what_waits_in_the_queue_or_parked_what_was_released_and_single_mails(
    sqs: MemorySqs, drain: DrainStore
) -> None:
    sqs.send(queues.WAIT, [chunk(50, number=n).message() for n in range(3)])
    sqs.send(queues.TRIGGER, [chunk(20, number=9).message(), single("e1").message(), single("e2").message()])
    drain.acquire(owner="a", seconds=15)
    drain.release(Memory((Released("b1", 9, 20, 1.0),), parked=2), owner="a")

    status = report(sqs, drain).status()
    assert (status["backlog"], status["eta_seconds"]) == (272, round(272 / 95, 1))


def test_a_waiting_chunk_counts_as_the_rate_cuts_it(sqs: MemorySqs, drain: DrainStore) -> None:
    sqs.send(queues.WAIT, [chunk(20, number=n).message() for n in range(3)])
    size = Policy().size_of_chunk
    assert report(sqs, drain, chunk_size=size).status()["backlog"] == 60
    assert report(sqs, drain, replace(LINE, limit=None), chunk_size=size).status()["backlog"] == 150


def test_time_unused_while_work_waits_for_quota_is_the_quotas(sqs: MemorySqs, drain: DrainStore) -> None:
    held = replace(LINE, bulk_waits_for="quota")
    assert report(sqs, drain, held).status()["unused_seconds"] == {"no_work": 60.0, "no_grant": 0.0}
    sqs.send(queues.WAIT, [chunk(50).message()])
    status = report(sqs, drain, held).status()
    assert status["unused_seconds"] == {"quota": 60.0, "no_grant": 0.0}
    assert (status["backlog"], status["eta_seconds"]) == (50, None)


def test_senders_that_reported_lately_are_shown(sqs: MemorySqs, drain: DrainStore) -> None:
    assert [one["process"] for one in report(sqs, drain).status()["senders"]] == ["mail-1-7"]
    assert report(sqs, drain, now=1_000_000.0 + FRESH_SECONDS).status()["senders"] == ()


def test_queues_out_of_reach_are_an_outage(sqs: MemorySqs, drain: DrainStore) -> None:
    sqs.down = {"depth"}
    with pytest.raises(UnavailableError):
        report(sqs, drain).status()
