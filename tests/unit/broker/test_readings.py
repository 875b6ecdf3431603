"""What polling tells of the queues."""

from fakes.clock import Clock
from prometheus_client import CollectorRegistry

from ems import queues
from ems.broker.readings import Readings


def registered(readings: Readings) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(readings)
    return registry


def age_of(registry: CollectorRegistry, queue: str) -> float | None:
    return registry.get_sample_value("ems_queue_last_poll_age_seconds", {"queue": queue})


def test_the_time_since_the_last_poll_runs_from_its_answer(clock: Clock) -> None:
    readings = Readings(clock=clock)
    registry = registered(readings)
    readings.polled(queues.TRIGGER, ())
    clock.advance(42)
    assert age_of(registry, queues.TRIGGER) == 42
    readings.polled(queues.TRIGGER, ())
    assert age_of(registry, queues.TRIGGER) == 0


def test_a_queue_whose_first_poll_never_ends_is_seen_as_well(clock: Clock) -> None:
    readings = Readings(clock=clock)
    readings.began(queues.EVENTS)
    clock.advance(7)
    readings.began(queues.EVENTS)
    assert age_of(registered(readings), queues.EVENTS) == 7


def test_messages_tell_how_long_they_waited_in_their_queue(clock: Clock) -> None:
    readings = Readings(clock=clock)
    registry = registered(readings)
    readings.polled(queues.EVENTS, [clock() - 2, clock() - 3])
    readings.polled(queues.EVENTS, [clock() + 1])  # by SQS's clock, which is another
    assert registry.get_sample_value("ems_message_wait_seconds_sum", {"queue": queues.EVENTS}) == 5
    assert registry.get_sample_value("ems_message_wait_seconds_count", {"queue": queues.EVENTS}) == 3


def test_temporary_queues_make_no_series_since_their_names_have_no_end(clock: Clock) -> None:
    readings = Readings(clock=clock)
    readings.began("a mailbox of Flower")
    readings.polled("a mailbox of Flower", [clock()])
    registry = registered(readings)
    assert age_of(registry, "a mailbox of Flower") is None
    assert registry.get_sample_value("ems_message_wait_seconds_count", {"queue": "a mailbox of Flower"}) is None
