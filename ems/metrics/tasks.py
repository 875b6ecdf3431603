"""How tasks end."""

from prometheus_client import CollectorRegistry, Counter


class TaskMetrics:
    """The metrics of a process that runs tasks."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._failures = Counter(
            "ems_task_failures", "Runs that ended with an error; the message comes back.", ("task",), registry=registry
        )

    def failed(self, task: str) -> None:
        """Count a run that failed."""
        self._failures.labels(task).inc()
