"""Celery's rate_limit: what it releases, however late whoever asks for it comes."""

from typing import Any

import pytest
from celery import Celery
from fakes.clock import Clock
from hypothesis import given
from hypothesis import strategies as st
from kombu.asynchronous.timer import Timer

import celeryconfig
from ems.broker.rate_limit import LATE_SECONDS, Consumer, Pace

RATES = st.sampled_from([0.5, 1, 10, 100, 1000])
EXACT = 1e-6
"""Seconds; epoch seconds as floats are no more exact."""


def releases(pace: Pace, clock: Clock, pauses: list[float]) -> list[float]:
    """Take all that may go whenever a pause is over; return when each went."""
    times = []
    for pause in pauses:
        clock.advance(pause)
        while pace.can_consume():
            times.append(clock())
    return times


@given(rate=RATES, pauses=st.lists(st.floats(0, 3), max_size=60))
def test_no_stretch_of_time_holds_more_than_the_limit_and_what_was_late(rate: float, pauses: list[float]) -> None:
    clock = Clock(0)
    times = releases(Pace(rate, clock=clock), clock, pauses)
    for first, began in enumerate(times):
        for last, ended in enumerate(times[first:], first):
            assert last - first <= rate * (ended - began + LATE_SECONDS + EXACT)


@given(rate=RATES, lateness=st.lists(st.floats(0, LATE_SECONDS * 0.99), min_size=1, max_size=60))
def test_nothing_is_lost_to_a_loop_that_comes_late(rate: float, lateness: list[float]) -> None:
    clock = Clock(0)
    pace = Pace(rate, clock=clock)
    count = 0
    for late in lateness:
        clock.advance(pace.expected_time() + late)
        count += len(releases(pace, clock, [0]))
    assert count >= rate * (clock() - EXACT) - 1


@given(rate=RATES, idle=st.floats(LATE_SECONDS + 0.01, 1e6))
def test_time_that_was_not_used_is_not_saved_up(rate: float, idle: float) -> None:
    clock = Clock(0)
    pace = Pace(rate, clock=clock)
    clock.advance(1 / rate)
    assert len(releases(pace, clock, [idle])) == 1
    assert pace.expected_time() == pytest.approx(1 / rate)


class Worker:
    """A consumer that releases into a list, and its timers, on a clock of their own."""

    def __init__(self, limit: str | None) -> None:
        self.clock = Clock(0)
        self.timer = Timer()
        self.consumer: Any = Consumer.__new__(Consumer)  # no connection: only what the limit needs
        self.consumer.timer = self.timer
        self.consumer._limit_move_to_pool = lambda request: self.released.append((request, self.clock()))
        self.released: list[tuple[int, float]] = []
        task = type("Task", (), {"rate_limit": limit})
        bucket = self.consumer.bucket_for_task(task)
        self.bucket = bucket and Pace(bucket.fill_rate, clock=self.clock)

    def take(self, *requests: int) -> None:
        """Receive tasks."""
        for request in requests:
            self.consumer._limit_task(request, self.bucket, 1)

    def wake(self) -> None:
        """Let the first timer fire when it is due by the worker's clock."""
        assert self.bucket is not None
        self.clock.advance(self.bucket.expected_time())
        entry = self.timer._queue.pop(0).entry
        if not entry.canceled:
            entry()


@pytest.fixture
def worker() -> Worker:
    return Worker("10/s")


def test_celery_takes_the_consumer_from_its_configuration() -> None:
    app = Celery("test", set_as_current=False)
    app.config_from_object(celeryconfig)
    assert app.conf.worker_consumer == f"{Consumer.__module__}:{Consumer.__name__}"


def test_tasks_that_wait_share_one_timer_and_keep_their_order(worker: Worker) -> None:
    worker.take(1, 2, 3, 4)
    assert len(worker.timer) == 1
    while len(worker.timer):
        worker.wake()
    assert [request for request, _ in worker.released] == [1, 2, 3, 4]
    assert [at for _, at in worker.released] == pytest.approx([0, 0.1, 0.2, 0.3])


def test_a_connection_that_is_lost_takes_what_waits_with_it_and_the_next_one_is_limited_as_before(
    worker: Worker,
) -> None:
    worker.take(1, 2)
    worker.bucket.clear_pending()
    worker.take(3, 4)
    while len(worker.timer):
        worker.wake()
    assert [request for request, _ in worker.released] == [1, 3, 4]


@pytest.mark.parametrize("limit", [None, "0/s"])
def test_a_task_without_a_limit_has_no_bucket(limit: str | None) -> None:
    assert Worker(limit).bucket is None
