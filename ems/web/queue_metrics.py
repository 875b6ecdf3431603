"""Queue depths for Prometheus, read when somebody scrapes."""

import time
from collections.abc import Callable, Iterator

import structlog
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from ems import queues
from ems.aws.sqs import Sqs
from ems.errors import UnavailableError

log = structlog.get_logger()

DEAD_LETTER_QUEUES = tuple(map(queues.dead_letter, queues.ALL_QUEUES))


class QueueDepths(Collector):
    """``ems_queue_messages`` by queue and state, ``ems_dead_letter_age_seconds`` by dead-letter queue.

    A queue that cannot be read is left out: a gap in a plot says more than a made-up number. Alarm on any age, or on
    any message in a dead-letter queue.
    """

    def __init__(self, sqs: Sqs, *, clock: Callable[[], float] = time.time) -> None:
        self._sqs = sqs
        self._clock = clock

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Name the metric without reading it: registering must not need SQS."""
        yield self._depths()
        yield self._ages()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Read every queue once."""
        depths, ages = self._depths(), self._ages()
        for name in (*queues.ALL_QUEUES, *DEAD_LETTER_QUEUES):
            try:
                depth = self._sqs.depth(name)
            except UnavailableError as error:
                log.warning("queue depth not read", queue=name, reason=str(error))
                continue
            depths.add_metric([name, "visible"], depth.visible)
            depths.add_metric([name, "in_flight"], depth.in_flight)
            depths.add_metric([name, "delayed"], depth.delayed)
            if name in DEAD_LETTER_QUEUES and depth.visible:
                self._add_age(ages, name)
        yield depths
        yield ages

    def _add_age(self, ages: GaugeMetricFamily, name: str) -> None:
        """Look at the letters that SQS shows first, ten at most, without hiding them from others.

        SQS itself tells ages to CloudWatch alone (ApproximateAgeOfOldestMessage).
        """
        try:
            letters = self._sqs.receive(name, limit=10, visibility_seconds=0)
        except UnavailableError as error:
            log.warning("dead letters not read", queue=name, reason=str(error))
            return
        if letters:
            ages.add_metric([name], max(self._clock() - min(one.sent_at for one in letters), 0.0))

    @staticmethod
    def _ages() -> GaugeMetricFamily:
        return GaugeMetricFamily(
            "ems_dead_letter_age_seconds", "Age of the oldest of the ten dead letters seen first.", labels=["queue"]
        )

    @staticmethod
    def _depths() -> GaugeMetricFamily:
        return GaugeMetricFamily("ems_queue_messages", "Messages, as SQS approximates.", labels=["queue", "state"])
