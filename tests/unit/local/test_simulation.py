"""The governor in simulated time."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
import structlog
from click.testing import CliRunner

from ems.cli import main
from ems.local.simulation import grid
from ems.local.simulation.case import Case, CaseError, case_of
from ems.local.simulation.run import simulate

SHORT = Case(seconds=15)


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    before = structlog.get_config()
    yield
    structlog.configure(**before)


def test_the_same_seed_gives_the_same_figures() -> None:
    assert simulate(SHORT) == simulate(SHORT)


@pytest.mark.parametrize("processes", [1, 4])
def test_a_campaign_fills_the_line_and_nothing_passes_the_limit(processes: int) -> None:
    figures = simulate(replace(SHORT, processes=processes))
    assert figures.used > 0.93
    assert figures.fullest_second <= 100
    assert (figures.throttled_bucket, figures.throttled_sliding) == (0, 0)


def test_transactional_mail_overtakes_the_campaign() -> None:
    assert simulate(SHORT).p99_ms < 600


def test_killed_processes_and_stalls_do_not_pass_the_limit() -> None:
    figures = simulate(replace(SHORT, processes=4, crashes=2, stalls=6, seconds=20))
    assert figures.fullest_second <= 101
    assert figures.throttled_bucket == 0


def test_an_ses_that_takes_less_than_it_promises_is_used_and_seldom_refuses() -> None:
    figures = simulate(replace(SHORT, takes=0.6, seconds=60))
    assert figures.used > 0.9
    assert figures.throttled_bucket <= figures.calls * 0.01


def test_a_small_campaign_behind_a_large_one_is_done_within_twice_its_time_at_half_the_rate() -> None:
    figures = simulate(replace(SHORT, newcomer=500, seconds=35))
    assert figures.release.newcomer_seconds is not None
    assert figures.release.newcomer_seconds <= 2 * 500 / (0.95 * 100 / 2)
    assert figures.used > 0.94


def test_campaigns_share_the_line_by_thirds() -> None:
    figures = simulate(replace(SHORT, campaigns=3, seconds=40))
    assert figures.release.least_share > 0.95
    assert figures.used > 0.94


@pytest.mark.parametrize("rate", [100, 10_000])
def test_about_two_seconds_of_bulk_lie_before_the_senders_at_any_rate_and_a_tick_keeps_up(rate: float) -> None:
    figures = simulate(replace(SHORT, rate=rate, processes=4, seconds=8))
    assert 1.5 < figures.release.most_unsent_seconds < 2.2
    assert figures.release.longest_tick_ms < 600


def test_the_drainers_calls_for_each_chunk_do_not_grow_with_the_rate() -> None:
    slow, fast = (
        simulate(replace(SHORT, rate=rate, chunk_size=50, processes=4, seconds=8)).release for rate in (100, 10_000)
    )
    assert fast.calls_per_chunk < slow.calls_per_chunk


def test_what_killed_processes_have_in_hand_is_made_up_for() -> None:
    """It comes back after two minutes; while it counted as lying before the senders, 71 % of the limit was used."""
    assert simulate(replace(SHORT, processes=4, crashes=10, seconds=60)).used > 0.9


def test_every_case_of_the_grid_can_be_shown() -> None:
    rows = grid.table()
    figures = simulate(replace(SHORT, seconds=6, rate=14))
    for name, case in grid.cases():
        grid.add(rows, name, case, figures)
        assert grid.as_json(name, case, figures)["name"] == name
    assert rows.row_count == len(list(grid.cases()))


def test_a_case_is_read_from_its_words() -> None:
    assert case_of(["--rate", "1000", "--call-size", "5"]) == Case(rate=1000, call_size=5)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--speed", "9"], "--speed"),
        (["--rate", "fast"], "give a number"),
        (["--processes", "1.5"], "a whole number"),
        (["--rate"], "give a number"),
        (["--accounting", "none"], "bucket, sliding"),
        (["--seconds", "5"], "above 5"),
    ],
)
def test_words_that_make_no_case_are_named(words: list[str], problem: str) -> None:
    with pytest.raises(CaseError, match=problem):
        case_of(words)


def test_the_command_prints_nothing_but_the_case_though_ses_throttles() -> None:
    words = ["simulate", "--json", "--takes", "0.6", "--seconds", "15"]
    first, second = (CliRunner().invoke(main, words).output for _ in range(2))
    assert first == second
    assert json.loads(first)["figures"]["throttled_bucket"] > 0
