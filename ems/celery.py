"""The Celery app: ``celery -A ems.celery worker|beat|flower``. Settings are in celeryconfig.py."""

from collections.abc import Sequence
from typing import Any

from celery import Celery, signals

from ems import logs, memory, messages, queues
from ems.broker.shared import shared
from ems.settings import Settings
from ems.tasks.base import EmsTask
from ems.tasks.control import Drain, KeepHouse
from ems.tasks.deliver import DeliverChunk, DeliverEmail
from ems.tasks.track import TrackEvent
from ems.tasks.webhooks import TellEndpoints
from ems.wiring import Services

TASKS: tuple[type[EmsTask], ...] = (DeliverEmail, DeliverChunk, TrackEvent, Drain, KeepHouse, TellEndpoints)


class _Life:
    """What a process of the app does beside its tasks, from its start to its end, as Celery's signals tell."""

    def __init__(self, celery: Celery, services: Services, tasks: Sequence[EmsTask]) -> None:
        self._celery = celery
        self._services = services
        self._tasks = tasks

    def begin(self) -> None:
        """Listen to the signals."""
        signals.setup_logging.connect(self._configure_logs, weak=False)
        signals.celeryd_after_setup.connect(self._settle, weak=False)
        signals.celeryd_after_setup.connect(self._serve_metrics, weak=False)
        signals.worker_ready.connect(self._start_reporting, weak=False)
        signals.task_failure.connect(self._count_failure, weak=False)
        signals.worker_shutting_down.connect(self._stop_leasing, weak=False)
        signals.worker_shutdown.connect(self._stop_serving, weak=False)

    def _configure_logs(self, **_: object) -> None:
        logs.configure(self._services.settings)

    def _settle(self, **_: object) -> None:
        """Make what the first tasks would make, and let the garbage collector forget it.

        Before the worker consumes: what it received meanwhile would wait for that, and a person's mail for seconds.
        """
        consumed = self._celery.amqp.queues.consume_from
        for task in self._tasks:
            if messages.QUEUE_OF_TASK[task.name] in consumed:
                task.prepare()
        memory.settle()

    def _serve_metrics(self, sender: Any, **_: object) -> None:
        """Serve them before the broker is reached: a worker that cannot reach it is to be seen."""
        self._services.metrics.register(shared().readings)
        self._services.metrics_port.open(str(sender).partition("@")[0])

    def _start_reporting(self, sender: Any, **_: object) -> None:
        """Report on this worker if it is a sender."""
        if queues.TRIGGER in sender.app.amqp.queues.consume_from:
            self._services.reporter.start()

    def _count_failure(self, sender: Any, **_: object) -> None:
        self._services.task_metrics.failed(sender.name)

    def _stop_leasing(self, **_: object) -> None:
        """End the waits of tasks in hand, so that they give their work back and the worker can go."""
        self._services.governor.stop()
        self._services.courier.stop()

    def _stop_serving(self, **_: object) -> None:
        self._services.metrics_port.close()


def create_app(settings: Settings) -> Celery:
    """Build the app with its tasks; nothing connects before a task runs."""
    celery = Celery("ems", control="ems.broker.control:Control")
    celery.config_from_object("celeryconfig")
    celery.steps["consumer"].add("ems.broker.flushing:EventFlush")
    celery.conf.task_annotations = {
        name: {"rate_limit": settings.task_rate_limit} for name in (messages.DELIVER_EMAIL, messages.DELIVER_CHUNK)
    }
    services = Services(settings)
    tasks = [kind(services) for kind in TASKS]
    for task in tasks:
        celery.register_task(task)
    _Life(celery, services, tasks).begin()
    return celery


app = create_app(Settings.or_exit())
