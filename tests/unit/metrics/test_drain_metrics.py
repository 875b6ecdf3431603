"""What the drainer's ticks leave to Prometheus."""

import pytest
from fakes.clock import Clock
from prometheus_client import CollectorRegistry

from ems.errors import UnavailableError
from ems.metrics.releasing import DrainMetrics, WatchedDrainer
from ems.sending.release import Tick


class Scripted:
    """A drainer with given ticks, each of which takes a quarter of a second."""

    def __init__(self, clock: Clock, *ticks: Tick | UnavailableError | None) -> None:
        self._clock = clock
        self._ticks = list(ticks)

    def tick(self) -> Tick | None:
        self._clock.advance(0.25)
        tick = self._ticks.pop(0)
        if isinstance(tick, UnavailableError):
            raise tick
        return tick


def test_each_tick_is_counted_with_what_it_decided(clock: Clock) -> None:
    registry = CollectorRegistry()
    done = Tick(released=4, parked=2, kept=1, dropped=0, budget=190.0)
    ticks = Scripted(clock, done, None, UnavailableError("SQS", "gone"))
    drainer = WatchedDrainer(ticks, DrainMetrics(registry), clock=clock)

    assert drainer.tick() == done
    ended = clock()
    assert drainer.tick() is None
    with pytest.raises(UnavailableError):
        drainer.tick()

    outcomes = ("done", "left", "failed")
    counted = [registry.get_sample_value("ems_drain_ticks_total", {"outcome": outcome}) for outcome in outcomes]
    assert counted == [1, 1, 1]
    decisions = ("released", "parked", "kept", "dropped")
    chunks = [registry.get_sample_value("ems_drain_chunks_total", {"decision": decision}) for decision in decisions]
    assert chunks == [4, 2, 1, 0]
    assert registry.get_sample_value("ems_drain_budget_recipients") == 190
    assert registry.get_sample_value("ems_drain_tick_seconds_sum") == 0.25
    assert registry.get_sample_value("ems_drain_last_tick_timestamp_seconds") == ended
