"""``ems stats``: numbers and a plot."""

import json

import pytest
from click.testing import CliRunner, Result
from fakes.statistics import FakeStatistics

from ems.cli import main, stats
from ems.cli.stats import sparkline


class FakeServices:
    def __init__(self) -> None:
        self.statistics = FakeStatistics()


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> FakeServices:
    fakes = FakeServices()
    monkeypatch.setattr(stats, "services_of_environment", lambda: fakes)
    return fakes


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["stats", *arguments], env={"COLUMNS": "200"})


@pytest.mark.usefixtures("services")
def test_a_campaign_is_told_in_tables_and_plotted() -> None:
    done = run("welcome")
    assert done.exit_code == 0, done.output
    for words in ("hard bounced", "4.00%", "hard bounces: 3 General, 1 NoEmail", "opens: 33 person, 9 apple mpp"):
        assert words in done.stdout
    for words in ("https://www.example.com/offer", "0.4 s (half of 80 mails), 2.5 s (95 %)", "sent █", "at most 90"):
        assert words in done.stdout
    assert "paused by breaker: 4 of 100 bounced" in done.stdout
    assert "2001-09-09 01:46:40 UTC to 2001-09-09 03:46:40 UTC, by hour" in done.stdout


def test_the_step_of_the_plot_may_be_chosen(services: FakeServices) -> None:
    assert run("welcome", "--step", "minute").exit_code == 0
    [(subject, step, start, end)] = services.statistics.asked
    assert (subject, step, round(end - start, -2)) == ("welcome", "minute", 21_600)


@pytest.mark.usefixtures("services")
def test_machines_get_json() -> None:
    told = json.loads(run("welcome", "--json").stdout)
    assert (told["mails"]["sent"], told["series"]["points"][0]["mails"]["sent"]) == (100, 90)


@pytest.mark.usefixtures("services")
def test_an_unknown_subject_is_one_line_and_an_error() -> None:
    done = run("nope")
    assert (done.exit_code, done.output.count("\n")) == (1, 1)


def test_whatever_is_not_zero_is_seen() -> None:
    assert sparkline([0, 1, 500, 1000]) == " ▁▄█"
    assert sparkline([0, 0]) == "  "
