"""The Celery app: ``celery -A ems.celery worker|beat|flower``. Settings are in celeryconfig.py."""

from typing import Any

from celery import Celery, signals

from ems import logs, memory, messages, queues
from ems.settings import Settings
from ems.tasks.base import EmsTask
from ems.tasks.control import Drain
from ems.tasks.deliver import DeliverChunk, DeliverEmail
from ems.tasks.track import TrackEvent
from ems.wiring import Services

TASKS: tuple[type[EmsTask], ...] = (DeliverEmail, DeliverChunk, TrackEvent, Drain)


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

    def configure_logs(**_: object) -> None:
        logs.configure(settings)

    def stop_leasing(**_: object) -> None:
        """End the waits of tasks in hand, so that they give their work back and the worker can go."""
        services.governor.stop()

    def settle(**_: object) -> None:
        """Make what the first tasks would make, and let the garbage collector forget it.

        Before the worker consumes: what it received meanwhile would wait for that, and a person's mail for seconds.
        """
        consumed = celery.amqp.queues.consume_from
        for task in tasks:
            if messages.QUEUE_OF_TASK[task.name] in consumed:
                task.prepare()
        memory.settle()

    def start_reporting(sender: Any, **_: object) -> None:
        """Report on this worker if it is a sender."""
        if queues.TRIGGER in sender.app.amqp.queues.consume_from:
            services.reporter.start()

    signals.setup_logging.connect(configure_logs, weak=False)
    signals.celeryd_after_setup.connect(settle, weak=False)
    signals.worker_ready.connect(start_reporting, weak=False)
    signals.worker_shutting_down.connect(stop_leasing, weak=False)
    return celery


app = create_app(Settings.or_exit())
