"""Queue depths for Prometheus, read when somebody scrapes."""

from collections.abc import Iterator

import structlog
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from ems import queues
from ems.aws.sqs import Sqs
from ems.errors import UnavailableError

log = structlog.get_logger()


class QueueDepths(Collector):
    """``ems_queue_messages`` by queue and state; the dead-letter queues stand beside their queues.

    A queue that cannot be read is left out: a gap in a plot says more than a made-up number.
    """

    def __init__(self, sqs: Sqs) -> None:
        self._sqs = sqs

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Name the metric without reading it: registering must not need SQS."""
        yield self._family()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Read every queue once."""
        family = self._family()
        for name in (*queues.ALL_QUEUES, *map(queues.dead_letter, queues.ALL_QUEUES)):
            try:
                depth = self._sqs.depth(name)
            except UnavailableError as error:
                log.warning("queue depth not read", queue=name, reason=str(error))
                continue
            family.add_metric([name, "visible"], depth.visible)
            family.add_metric([name, "in_flight"], depth.in_flight)
            family.add_metric([name, "delayed"], depth.delayed)
        yield family

    @staticmethod
    def _family() -> GaugeMetricFamily:
        return GaugeMetricFamily("ems_queue_messages", "Messages, as SQS approximates.", labels=["queue", "state"])
