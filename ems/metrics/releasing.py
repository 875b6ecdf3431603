"""What the drainer decides."""

import time
from collections.abc import Callable
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from ems.errors import UnavailableError
from ems.sending.release import Tick

_TICK_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)


class Ticks(Protocol):
    """What is watched (:class:`ems.sending.release.Drainer`)."""

    def tick(self) -> Tick | None:
        """Release what fits; None when another drainer is at work."""


class DrainMetrics:
    """The metrics of a process that releases chunks."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.ticks = Counter(
            "ems_drain_ticks",
            "Ticks of the drainer: done, left to another drainer, or failed.",
            ("outcome",),
            registry=registry,
        )
        self.chunks = Counter(
            "ems_drain_chunks", "Chunks that the drainer decided about.", ("decision",), registry=registry
        )
        self.budget = Gauge(
            "ems_drain_budget_recipients",
            "Recipients that the last tick could have released; 0 or less while the senders have enough.",
            registry=registry,
        )
        self.seconds = Histogram(
            "ems_drain_tick_seconds", "How long ticks took that were done.", registry=registry, buckets=_TICK_BUCKETS
        )
        self.last = Gauge(
            "ems_drain_last_tick_timestamp_seconds", "When a tick of this process was last done.", registry=registry
        )


class WatchedDrainer:
    """A drainer whose ticks are watched. *clock* gives epoch seconds."""

    def __init__(self, drainer: Ticks, metrics: DrainMetrics, *, clock: Callable[[], float] = time.time) -> None:
        self._drainer = drainer
        self._metrics = metrics
        self._clock = clock

    def tick(self) -> Tick | None:
        """Release as the drainer does."""
        began = self._clock()
        try:
            tick = self._drainer.tick()
        except UnavailableError:
            self._metrics.ticks.labels("failed").inc()
            raise
        if tick is None:
            self._metrics.ticks.labels("left").inc()
            return None
        ended = self._clock()
        self._metrics.ticks.labels("done").inc()
        self._metrics.seconds.observe(ended - began)
        self._metrics.last.set(ended)
        self._metrics.budget.set(tick.budget)
        for decision in ("released", "parked", "kept", "dropped"):
            self._metrics.chunks.labels(decision).inc(getattr(tick, decision))
        return tick
