"""The governor's line for Prometheus, read when somebody scrapes: the figures of ``GET /rate``."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_args

import structlog
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from ems.errors import UnavailableError
from ems.governor.status import Hindrance
from ems.web.rate_answers import RateAnswer

log = structlog.get_logger()

GAUGES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "ems_rate_limit": ("SES's MaxSendRate, or the operator's, in recipients a second.", ()),
    "ems_rate_effective": ("The rate that is kept, in recipients a second.", ()),
    "ems_rate_penalty_ratio": ("Share of the limit that the last throttle still takes.", ()),
    "ems_rate_used_recipients": ("Slots in the last full second or minute.", ("window",)),
    "ems_rate_unused_seconds": ("Of 60 seconds of the line, those that sent nothing, by reason.", ("reason",)),
    "ems_line_ahead_seconds": ("How far the line is booked.", ()),
    "ems_lane_calls": ("Calls of the last minute that were given a slot.", ("lane",)),
    "ems_lane_waiting_calls": ("Calls that wait for a slot now.", ("lane",)),
    "ems_lane_wait_seconds": ("How calls of the last minute waited until their slot.", ("lane", "of")),
    "ems_lease_requests": ("Requests for slots in the last minute.", ()),
    "ems_lease_refusals": ("Leases that were refused in the last minute.", ("reason",)),
    "ems_quota_left_recipients": ("What the lane may still send of the 24-hour quota.", ("lane",)),
    "ems_quota_recipients": ("SES's quota of 24 hours; missing while it is unlimited or not known.", ()),
    "ems_bulk_held_back": ("1 while all bulk waits for this.", ("reason",)),
    "ems_backlog_recipients": ("Accepted recipients that are not sent yet.", ()),
    "ems_account_age_seconds": ("Age of what SES said about the account.", ()),
    "ems_senders": ("Sender processes that reported lately.", ()),
    "ems_sender_clock_offset_seconds": ("Bounds of how far a sender's clock is ahead of AWS's.", ("process", "bound")),
    "ems_sender_clock_wrong": ("1 while a sender's clock keeps it from sending.", ("process",)),
}
"""By name: what it is, and its labels. All are gauges: they tell of a window that moves, not since a start."""


class RateMetrics(Collector):
    """What is not known is left out: a gap in a plot says more than a made-up number.

    *status* reads what :class:`ems.web.rate_answers.RateAnswer` holds.
    """

    def __init__(self, status: Callable[[], object]) -> None:
        self._status = status

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Name the metrics without reading anything: registering must not need AWS."""
        yield from _families().values()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Read the rate once."""
        families = _families()
        try:
            answer = RateAnswer.model_validate(self._status())
        except UnavailableError as error:
            log.warning("rate not read", reason=str(error))
        else:
            for name, labels, value in _samples(answer):
                if value is not None:
                    families[name].add_metric(labels, float(value))
        yield from families.values()


def _families() -> dict[str, GaugeMetricFamily]:
    return {name: GaugeMetricFamily(name, text, labels=labels) for name, (text, labels) in GAUGES.items()}


def _samples(rate: RateAnswer) -> Iterator[tuple[str, list[str], Any]]:
    """Name each figure of *rate*: metric, labels, value."""
    yield "ems_rate_limit", [], rate.account_limit
    yield "ems_rate_effective", [], rate.effective_rate
    yield "ems_rate_penalty_ratio", [], rate.penalty
    yield "ems_rate_used_recipients", ["second"], rate.used_last_second
    yield "ems_rate_used_recipients", ["minute"], rate.used_last_minute
    yield "ems_line_ahead_seconds", [], rate.line_ahead_seconds
    yield "ems_quota_left_recipients", ["transactional"], rate.quota_left
    yield "ems_quota_left_recipients", ["bulk"], rate.quota_left_for_bulk
    yield "ems_quota_recipients", [], rate.quota_24h
    yield "ems_backlog_recipients", [], rate.backlog
    yield "ems_account_age_seconds", [], rate.account_age_seconds
    yield "ems_senders", [], len(rate.senders)
    yield "ems_lease_requests", [], rate.lease_requests
    for hindrance in get_args(Hindrance):
        yield "ems_bulk_held_back", [hindrance], rate.bulk_waits_for == hindrance
    for reason, seconds in rate.unused_seconds.items():
        yield "ems_rate_unused_seconds", [reason], seconds
    for reason, count in rate.refused.items():
        yield "ems_lease_refusals", [reason], count
    for lane, waits in rate.lanes.items():
        yield "ems_lane_calls", [lane], waits.calls
        yield "ems_lane_waiting_calls", [lane], waits.waiting
        yield "ems_lane_wait_seconds", [lane, "mean"], waits.mean_seconds
        yield "ems_lane_wait_seconds", [lane, "longest"], waits.longest_seconds
    for sender in rate.senders:
        for bound, offset in zip(("least", "most"), sender.clock_offset_seconds or (), strict=False):
            yield "ems_sender_clock_offset_seconds", [sender.process, bound], offset
        yield "ems_sender_clock_wrong", [sender.process], sender.clock_wrong
