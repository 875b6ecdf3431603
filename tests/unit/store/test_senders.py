"""What senders report of themselves, stored and read."""

from dataclasses import replace

import pytest
from fakes.clock import Clock

from ems.store.drain import DrainStore
from ems.store.senders import LaneWaits, SenderReport, SenderReports
from ems.store.tables import Tables


@pytest.fixture
def reports(tables: Tables, clock: Clock) -> SenderReports:
    return SenderReports(tables, clock=clock)


def told(clock: Clock, process: str = "mail-1-7") -> SenderReport:
    return SenderReport(
        process=process,
        at=clock(),
        clock_offset_seconds=(-0.01, 0.02),
        lanes={"bulk": LaneWaits(calls=3, seconds=0.4, longest_seconds=0.2, waiting=1)},
        refused={"quota": 2},
        missed=4,
        requests=9,
        newest=int(clock()) - 1,
        asking=(0, 500, 1000),
    )


def test_a_report_is_read_as_it_was_written_beside_the_other_items(
    reports: SenderReports, tables: Tables, clock: Clock
) -> None:
    DrainStore(tables, clock=clock).acquire(owner="a", seconds=15)
    reports.write(told(clock, "mail-2-7"))
    reports.write(told(clock))
    reports.write(replace(told(clock), missed=5))
    assert reports.read(newer_than=clock() - 1) == [replace(told(clock), missed=5), told(clock, "mail-2-7")]


def test_what_a_later_release_reports_is_left_alone(reports: SenderReports, tables: Tables, clock: Clock) -> None:
    reports.write(told(clock))
    row = tables.rate.get("sender#mail-1-7")
    row.report = {**row.report, "added_by_the_next_release": 1}
    row.save()
    assert reports.read(newer_than=clock() - 1) == [told(clock)]


def test_a_process_that_reports_no_more_is_forgotten(reports: SenderReports, clock: Clock) -> None:
    reports.write(told(clock))
    assert reports.read(newer_than=clock() + 1) == []


@pytest.mark.parametrize("ahead", [-7200.0, 7200.0])
def test_a_wrong_clock_does_not_hide_its_own_report(reports: SenderReports, clock: Clock, ahead: float) -> None:
    reports.write(replace(told(clock), at=clock() + ahead, clock_offset_seconds=(ahead - 0.1, ahead + 0.1)))
    [report] = reports.read(newer_than=clock() - 1)
    assert report.true_at == pytest.approx(clock())
    assert reports.read(newer_than=clock() + 1) == []


def test_a_second_is_found_by_its_number(clock: Clock) -> None:
    report = told(clock)
    assert [report.asking_in(report.newest - age) for age in (-1, 0, 1, 2, 3)] == [0.0, 1.0, 0.5, 0.0, 0.0]
