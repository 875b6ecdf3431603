"""A pool of threads that grows and shrinks while it works.

Celery's own (5.7) has one executor of a fixed size, so that ``pool_grow`` and ``pool_shrink``, and with them two
buttons of Flower, end in an ``AttributeError``. Named to Celery as ``worker_pool = "ems.broker.pool:TaskPool"``.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from celery.concurrency.thread import TaskPool as CeleryTaskPool


class TaskPool(CeleryTaskPool):
    """Runs tasks in ``limit`` threads."""

    executor: ThreadPoolExecutor

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._retired: list[ThreadPoolExecutor] = []

    def grow(self, n: int = 1) -> None:
        """Have *n* threads more."""
        self._resize(self.limit + n)

    def shrink(self, n: int = 1) -> None:
        """Have *n* threads less, once they have done what they are at.

        Raises:
            ValueError: That would leave none; the worker goes on as it is.
        """
        self._resize(self.limit - n)

    def on_stop(self) -> None:
        """Wait for what runs; what has not begun is left to SQS."""
        for executor in self._retired:
            executor.shutdown(cancel_futures=True)
        super().on_stop()

    def _resize(self, limit: int) -> None:
        """Run what comes from now on in an executor of another size; the threads of the old one end as they are done.

        An executor cannot be resized. For as long as old tasks last both have threads; the worker's prefetch count,
        which Celery changes with the pool, bounds what is in hand.
        """
        if limit < 1:
            raise ValueError(f"the pool has {self.limit} threads and must keep one; shut the worker down instead")
        self._retired.append(self.executor)
        self.executor.shutdown(wait=False)
        self.executor = ThreadPoolExecutor(max_workers=limit)
        self.limit = limit
