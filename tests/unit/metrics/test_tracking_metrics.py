"""What tracking counts."""

from dataclasses import replace

import pytest
from fakes.clock import Clock
from fakes.ses_events import event
from prometheus_client import CollectorRegistry

from ems.metrics.tracking import TrackingMetrics
from ems.store.suppressions import Suppressions
from ems.store.tables import Tables
from ems.store.tracking import TrackingStore
from ems.tracking.apply import Tracker


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def tracker(tables: Tables, registry: CollectorRegistry, clock: Clock) -> Tracker:
    store = TrackingStore(tables, retention_seconds=86_400, clock=clock)
    metrics = TrackingMetrics(registry, clock=clock)
    return Tracker(store=store, suppressions=Suppressions(tables), watch=metrics, clock=clock)


def test_an_event_is_counted_once_with_the_time_since_it_happened(
    tracker: Tracker, registry: CollectorRegistry, clock: Clock
) -> None:
    delivery = event("delivery")
    clock.now = delivery.at + 3
    tracker.apply(delivery)
    tracker.apply(delivery)
    assert registry.get_sample_value("ems_events_counted_total", {"type": "delivery"}) == 1
    assert registry.get_sample_value("ems_event_lag_seconds_sum", {"type": "delivery"}) == pytest.approx(3)
    assert registry.get_sample_value("ems_events_without_effect_total", {"why": "repeated"}) == 1


def test_an_event_of_no_mail_is_counted_apart(tracker: Tracker, registry: CollectorRegistry) -> None:
    tracker.apply(event("unknown", tags=None))
    assert registry.get_sample_value("ems_events_without_effect_total", {"why": "ignored"}) == 1


def test_hard_and_soft_bounces_are_told_apart_and_the_address_that_is_suppressed_is_counted(
    tracker: Tracker, registry: CollectorRegistry
) -> None:
    bounce = event("bounce_permanent")
    tracker.apply(replace(bounce, hard=False, key="soft"))
    assert registry.get_sample_value("ems_addresses_suppressed_total") == 0
    tracker.apply(replace(bounce, hard=True, key="hard"))
    for kind in ("soft_bounce", "hard_bounce"):
        assert registry.get_sample_value("ems_events_counted_total", {"type": kind}) == 1
    assert registry.get_sample_value("ems_addresses_suppressed_total") == 1


def test_a_doubt_that_an_event_settles_is_counted(
    tracker: Tracker, registry: CollectorRegistry, tables: Tables
) -> None:
    tables.emails("em-1", send_status="in_doubt", doubted_at=1.0, recipient="jane.doe@example.com").save()
    tracker.apply(event("send"))
    assert registry.get_sample_value("ems_doubts_settled_total") == 1


def test_an_event_without_a_readable_time_has_no_lag(tracker: Tracker, registry: CollectorRegistry) -> None:
    tracker.apply(replace(event("delivery"), at=0.0))
    assert registry.get_sample_value("ems_events_counted_total", {"type": "delivery"}) == 1
    assert registry.get_sample_value("ems_event_lag_seconds_count", {"type": "delivery"}) is None
