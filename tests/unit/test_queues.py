"""A queue that nobody reads fails the build, and so does a task that nobody runs."""

import re
from pathlib import Path

import pytest
from fakes.clock import Clock
from fakes.queues import MemorySqs
from fakes.release import FakeLine, FakeSenders, drainer_of
from fakes.tables import batches_of, parking_of

from ems import messages, queues
from ems.celery import TASKS
from ems.local.blueprint import queue_specs
from ems.settings import Settings
from ems.store.campaigns import CampaignStore
from ems.store.drain import DrainStore
from ems.store.tables import Tables

REPOSITORY = Path(__file__).parents[2]


class RecordingSqs(MemorySqs):
    """Remembers which queues are read."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.read: set[str] = set()

    def receive(self, queue: str, **options: int) -> list:  # type: ignore[override,type-arg]
        self.read.add(queue)
        return super().receive(queue, **options)  # type: ignore[arg-type]


def procfile() -> dict[str, str]:
    lines = (REPOSITORY / "Procfile").read_text().splitlines()
    return {name: command.strip() for name, _, command in (line.partition(":") for line in lines if line.strip())}


def read_by_workers() -> set[str]:
    found = [re.search(r"\bworker\b.* -Q (\S+)", command) for command in procfile().values()]
    return {queue for match in found if match for queue in match[1].split(",")}


@pytest.fixture
def read_by_drainer(tables: Tables, clock: Clock) -> set[str]:
    sqs = RecordingSqs(clock)
    drainer_of(
        sqs=sqs,
        batches=batches_of(tables, clock),
        campaigns=CampaignStore(tables),
        parking=parking_of(tables, clock),
        memory=DrainStore(tables, clock=clock),
        senders=FakeSenders(),
        rate=FakeLine,
        clock=clock,
    ).tick()
    return sqs.read


def test_every_queue_has_a_worker_or_the_drainer(read_by_drainer: set[str]) -> None:
    assert read_by_workers() | read_by_drainer == set(queues.ALL_QUEUES)


def test_no_queue_has_both(read_by_drainer: set[str]) -> None:
    assert read_by_workers() & read_by_drainer == set()


def test_every_worker_reads_queues_that_celery_knows() -> None:
    assert read_by_workers() == set(queues.CELERY_QUEUES)


def test_every_task_has_a_queue_with_a_worker() -> None:
    assert {task.name for task in TASKS} == set(messages.QUEUE_OF_TASK)
    assert set(messages.QUEUE_OF_TASK.values()) <= read_by_workers()


def test_every_queue_is_provisioned_with_its_dead_letter_queue() -> None:
    specs = {spec.name: spec for spec in queue_specs(Settings())}
    assert set(specs) == {name for queue in queues.ALL_QUEUES for name in (queue, queues.dead_letter(queue))}
    for queue in queues.ALL_QUEUES:
        assert specs[queue].dead_letter == queues.dead_letter(queue)
