"""What is kept of a task that fails for a reason of its own."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from celery import Celery

from ems.errors import UnavailableError
from ems.tasks.base import EmsTask
from ems.tasks.descriptions import MESSAGE_SHOWN, described


@dataclass
class FakeFailedRuns:
    """Keeps what is noted; ``fails`` is an outage."""

    fails: bool = False
    noted: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def add(self, task_id: str, **what: Any) -> None:
        if self.fails:
            raise UnavailableError("DynamoDB", "down")
        self.noted.append((task_id, what))


@dataclass
class FakeServices:
    failed_runs: FakeFailedRuns = field(default_factory=FakeFailedRuns)


class Failing(EmsTask):
    """Fails with what it is told."""

    name = "ems.failing"

    def run(self, *, message: str, **_future: Any) -> None:
        raise ValueError(message)


@pytest.fixture
def services() -> FakeServices:
    return FakeServices()


def run(services: FakeServices, **arguments: Any) -> None:
    """Run the task as a worker does."""
    app = Celery("test", set_as_current=False)
    task = app.register_task(Failing(services))  # type: ignore[arg-type]
    task.apply(kwargs=arguments, task_id="t1")


def test_a_failed_run_is_noted_without_addresses(services: FakeServices) -> None:
    run(services, message="no good: ada@example.com")
    [(task_id, noted)] = services.failed_runs.noted
    assert task_id == "t1"
    assert noted["error"].startswith("ValueError: no good: …@…")


def test_a_run_without_the_arguments_that_its_task_needs_is_noted_too(services: FakeServices) -> None:
    run(services)
    [(_, noted)] = services.failed_runs.noted
    assert noted["error"].startswith("TypeError")


def test_a_note_that_cannot_be_kept_changes_nothing_about_the_task(services: FakeServices) -> None:
    services.failed_runs.fails = True
    run(services, message="no")
    assert services.failed_runs.noted == []


def test_a_description_names_the_place_in_our_code() -> None:
    with pytest.raises(AttributeError) as caught:
        EmsTask(None).on_failure(ValueError(), "t1", (), {}, None)  # type: ignore[arg-type]
    assert "(ems/tasks/base.py:" in described(caught.value)


def test_a_description_is_short() -> None:
    assert len(described(ValueError("x" * 10_000))) == MESSAGE_SHOWN + len("ValueError: ")
