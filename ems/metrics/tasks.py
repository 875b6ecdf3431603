"""How tasks end."""

from prometheus_client import CollectorRegistry, Counter

from ems.messages import QUEUE_OF_TASK


class TaskMetrics:
    """The metrics of a process that runs tasks."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._failures = Counter(
            "ems_task_failures", "Runs that ended with an error; the message comes back.", ("task",), registry=registry
        )
        for task in QUEUE_OF_TASK:
            self._failures.labels(task)  # from 0 on: of a series that is born with a count Prometheus sees no increase

    def failed(self, task: str) -> None:
        """Count a run that failed."""
        self._failures.labels(task).inc()
