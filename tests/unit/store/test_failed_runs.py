"""Why tasks failed, as it is kept."""

import pytest
from fakes.clock import Clock

from ems.store.failed_runs import KEPT_SECONDS, FailedRun, FailedRuns
from ems.store.tables import Tables


@pytest.fixture
def failed_runs(tables: Tables, clock: Clock) -> FailedRuns:
    return FailedRuns(tables, clock=clock)


def test_each_failed_run_of_a_task_is_kept_in_order(failed_runs: FailedRuns, clock: Clock) -> None:
    first = clock()
    failed_runs.add("t1", receive=1, error="KeyError: 'mail'")
    clock.advance(120)
    failed_runs.add("t1", receive=2, error="TypeError: no")
    assert failed_runs.of(["t1", "t2"]) == {
        "t1": [FailedRun(first, 1, "KeyError: 'mail'"), FailedRun(first + 120, 2, "TypeError: no")]
    }


def test_nothing_is_asked_about_no_task(failed_runs: FailedRuns) -> None:
    assert failed_runs.of([]) == {}


def test_what_is_kept_outlives_the_message(failed_runs: FailedRuns, tables: Tables, clock: Clock) -> None:
    failed_runs.add("t1", receive=1, error="no")
    [row] = tables.notes.scan()
    assert row.expires_at.timestamp() == int(clock()) + KEPT_SECONDS
