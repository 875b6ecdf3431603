"""Tasks without a worker."""

from typing import TypeVar

from celery import Celery

from ems.tasks.base import EmsTask

Kind = TypeVar("Kind", bound=EmsTask)


def registered(task: Kind) -> Kind:
    """Register a task with an app of its own, since it has a request only then."""
    Celery("test", set_as_current=False).register_task(task)
    return task
