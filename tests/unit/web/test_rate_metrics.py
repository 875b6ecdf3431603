"""The governor's line as Prometheus sees it."""

from collections.abc import Callable

import pytest
from fakes.web import FakeRate
from prometheus_client import CollectorRegistry, generate_latest

from ems.errors import UnavailableError
from ems.web.rate_metrics import GAUGES, RateMetrics


def scrape(status: Callable[[], object]) -> list[str]:
    registry = CollectorRegistry()
    registry.register(RateMetrics(status))
    return generate_latest(registry).decode().splitlines()


@pytest.mark.parametrize(
    "sample",
    [
        "ems_rate_limit 100.0",
        "ems_rate_effective 95.0",
        'ems_rate_used_recipients{window="minute"} 5400.0',
        'ems_rate_unused_seconds{reason="no_work"} 3.0',
        'ems_lane_wait_seconds{lane="transactional",of="mean"} 0.1',
        'ems_lane_waiting_calls{lane="bulk"} 3.0',
        'ems_lease_refusals{reason="clock"} 7.0',
        'ems_quota_left_recipients{lane="bulk"} 44000.0',
        "ems_quota_recipients 50000.0",
        'ems_bulk_held_back{reason="quota"} 0.0',
        'ems_sender_clock_offset_seconds{bound="least",process="mail-1-7"} 4.9',
        'ems_sender_clock_wrong{process="mail-1-7"} 1.0',
        "ems_senders 1.0",
    ],
)
def test_every_figure_of_the_rate_is_a_gauge(sample: str) -> None:
    assert sample in scrape(FakeRate().status)


def test_what_is_not_known_is_left_out() -> None:
    assert not any("ems_lane_wait_seconds" in line and 'of="mean"' in line and "bulk" in line for line in _samples())
    assert not any(line.startswith("ems_rate_limit ") for line in _samples(account_limit=None))


def _samples(**changes: object) -> list[str]:
    return scrape(lambda: {**FakeRate().status(), **changes})


def test_a_line_that_cannot_be_read_leaves_a_gap_in_every_plot() -> None:
    def down() -> object:
        raise UnavailableError("DynamoDB", "gone")

    lines = scrape(down)
    assert all(line.startswith("#") for line in lines)
    assert {line.split()[2] for line in lines} == set(GAUGES)
