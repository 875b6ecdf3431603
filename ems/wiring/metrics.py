"""What a process counts."""

from pathlib import Path

from prometheus_client import CollectorRegistry, ProcessCollector

from ems.metrics.port import MetricsPort
from ems.metrics.releasing import DrainMetrics
from ems.metrics.sending import SendingMetrics
from ems.metrics.tasks import TaskMetrics
from ems.metrics.telling import TellingMetrics
from ems.metrics.tracking import TrackingMetrics
from ems.wiring.parts import Parts, part


class Metered(Parts):
    """The layer ``metrics``."""

    @part
    def metrics(self) -> CollectorRegistry:
        """All metrics of a worker process."""
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        return registry

    @part
    def metrics_port(self) -> MetricsPort:
        """Where they are scraped."""
        targets = self.settings.metrics_targets
        return MetricsPort(
            self.metrics,
            address=self.settings.metrics_address,
            first_port=self.settings.metrics_port,
            targets=Path(targets) if targets else None,
        )

    @part
    def task_metrics(self) -> TaskMetrics:
        """How its tasks end."""
        return TaskMetrics(self.metrics)

    @part
    def sending_metrics(self) -> SendingMetrics:
        """What senders count."""
        return SendingMetrics(self.metrics)

    @part
    def tracking_metrics(self) -> TrackingMetrics:
        """What tracking counts."""
        return TrackingMetrics(self.metrics)

    @part
    def drain_metrics(self) -> DrainMetrics:
        """What the drainer counts."""
        return DrainMetrics(self.metrics)

    @part
    def telling_metrics(self) -> TellingMetrics:
        """What becomes of posts to the backend."""
        return TellingMetrics(self.metrics)
