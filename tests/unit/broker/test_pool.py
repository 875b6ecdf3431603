"""The worker's pool of threads, grown and shrunk while it works."""

import threading
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from ems.broker.pool import TaskPool


@pytest.fixture
def pool() -> Iterator[TaskPool]:
    pool = TaskPool(2)
    pool.start()
    yield pool
    pool.stop()


class Crowd:
    """Tasks that wait for each other: all go on once so many run at the same time."""

    def __init__(self, size: int) -> None:
        self.met = threading.Barrier(size)

    def run(self, pool: TaskPool) -> "Callable[[], None]":
        applied = pool.apply_async(self._meet, accept_callback=_ignore, callback=_ignore)
        return partial(applied.get, timeout=10)

    def _meet(self) -> None:
        self.met.wait(10)


def _ignore(*_: object) -> None:
    """Take what Celery tells its worker."""


def run_together(pool: TaskPool, size: int) -> None:
    crowd = Crowd(size)
    for done in [crowd.run(pool) for _ in range(size)]:
        done()


def test_a_pool_that_grew_runs_more_tasks_at_a_time(pool: TaskPool) -> None:
    pool.grow(2)
    run_together(pool, 4)
    assert pool.info["max-concurrency"] == 4
    assert pool.num_processes == 4


def test_a_pool_that_shrank_has_fewer_threads(pool: TaskPool) -> None:
    pool.grow(2)
    run_together(pool, 4)
    pool.shrink(3)
    crowd = Crowd(2)
    first, second = crowd.run(pool), crowd.run(pool)
    crowd.met.wait(10)  # were there a second thread, the two would have met without this
    first()
    crowd.met.wait(10)
    second()
    assert pool.num_processes == 1
    assert pool.info["threads"] == 1


def test_what_runs_while_the_pool_shrinks_is_finished(pool: TaskPool) -> None:
    crowd = Crowd(3)
    running = [crowd.run(pool), crowd.run(pool)]
    pool.shrink()
    crowd.met.wait(10)
    for done in running:
        done()


def test_a_pool_keeps_its_last_thread(pool: TaskPool) -> None:
    with pytest.raises(ValueError, match="must keep one"):
        pool.shrink(2)
    run_together(pool, 2)


def test_the_end_of_a_pool_waits_for_the_threads_of_every_size_it_had() -> None:
    pool = TaskPool(1)
    pool.start()
    crowd = Crowd(2)
    done = crowd.run(pool)
    pool.grow()
    threading.Timer(0.05, crowd.met.wait).start()
    pool.stop()
    done()
