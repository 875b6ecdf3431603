"""What tracking makes of SES's events."""

import time
from collections.abc import Callable, Sequence

from prometheus_client import CollectorRegistry, Counter, Histogram

from ems.tracking.events import EventType, SesEvent
from ems.tracking.outcomes import Applied

_LAG_BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200)


class TrackingMetrics:
    """The metrics of a process that applies events. *clock* gives epoch seconds."""

    def __init__(self, registry: CollectorRegistry, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._counted = Counter("ems_events_counted", "Events that changed a mail.", ("type",), registry=registry)
        for kind in ("hard_bounce", "soft_bounce", *(one.value for one in EventType if one is not EventType.BOUNCE)):
            self._counted.labels(kind)  # from 0 on: of a series that is born with a count Prometheus sees no increase
        self._others = Counter(
            "ems_events_without_effect",
            "Events of a mail that had them before, or of none.",
            ("why",),
            registry=registry,
        )
        self._lag = Histogram(
            "ems_event_lag_seconds",
            "Time from an event, as SES dates it, until it was counted.",
            ("type",),
            registry=registry,
            buckets=_LAG_BUCKETS,
        )
        self._settled = Counter(
            "ems_doubts_settled", "Mails in doubt that an event proved to be sent.", registry=registry
        )
        self._suppressed = Counter(
            "ems_addresses_suppressed", "Addresses that events put on the suppression list.", registry=registry
        )

    def counted(self, events: Sequence[SesEvent], applied: Applied) -> None:
        """Count events that changed a mail just now."""
        now = self._clock()
        for event in events:
            kind = _kind(event)
            self._counted.labels(kind).inc()
            if event.at > 0:  # else it carries no readable time
                self._lag.labels(kind).observe(max(now - event.at, 0.0))
        if applied.settled_doubt:
            self._settled.inc()
        if applied.suppressed:
            self._suppressed.inc()

    def had_no_effect(self, applied: Applied) -> None:
        """Count an SES message whose events changed nothing."""
        self._others.labels(applied.outcome.value).inc()


def _kind(event: SesEvent) -> str:
    """Name the event's type, bounces by what they mean for the address."""
    if event.type is EventType.BOUNCE:
        return "hard_bounce" if event.hard else "soft_bounce"
    return event.type.value
