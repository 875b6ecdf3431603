"""What polling tells of the working queues, for Prometheus: when each was asked last, and how long messages waited.

SQS tells the age of a queue's oldest message to CloudWatch alone (ApproximateAgeOfOldestMessage). How old messages are
when they are received says the same of a queue that is being read; of one that is not, the time since its last poll.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from threading import Lock

from prometheus_client import Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from ems import queues

_WAIT_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200)


class Readings(Collector):
    """Safe between threads. *clock* gives epoch seconds, as SQS's SentTimestamp does."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = Lock()
        self._polled_at: dict[str, float] = {}
        self._waits = Histogram(
            "ems_message_wait_seconds",
            "Age of messages when they are received, from being sent (a delay counts).",
            ("queue",),
            registry=None,
            buckets=_WAIT_BUCKETS,
        )

    def began(self, queue: str) -> None:
        """Note that polling of a queue begins: a queue whose first poll never ends is to be seen as well."""
        if queue in queues.CELERY_QUEUES:
            with self._lock:
                self._polled_at.setdefault(queue, self._clock())

    def polled(self, queue: str, sent_at: Iterable[float]) -> None:
        """Note an answer of SQS, and when the messages in it were sent."""
        # The names of temporary queues are without end, and as many series would be.
        if queue not in queues.CELERY_QUEUES:
            return
        now = self._clock()
        with self._lock:
            self._polled_at[queue] = now
        for sent in sent_at:
            self._waits.labels(queue).observe(max(now - sent, 0.0))

    def describe(self) -> Iterator[Metric]:
        """Name the metrics."""
        yield from self._waits.describe()
        yield self._ages()

    def collect(self) -> Iterator[Metric]:
        """Tell."""
        yield from self._waits.collect()
        ages = self._ages()
        with self._lock:
            polled_at = dict(self._polled_at)
        for queue, at in polled_at.items():
            ages.add_metric([queue], max(self._clock() - at, 0.0))
        yield ages

    @staticmethod
    def _ages() -> GaugeMetricFamily:
        return GaugeMetricFamily(
            "ems_queue_last_poll_age_seconds", "Time since SQS last answered a poll of this process.", labels=["queue"]
        )
