"""The tasks that beat schedules."""

from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Any

from structlog.testing import capture_logs

from ems.errors import UnavailableError
from ems.tasks.control import KeepHouse


@dataclass
class FakeEraser:
    """Takes as long as it is told."""

    fails: UnavailableError | None = None
    ticks: int = 0
    began: Event = field(default_factory=Event)
    ends: Event = field(default_factory=Event)

    def tick(self, *, seconds: float) -> int:
        del seconds
        self.ticks += 1
        self.began.set()
        self.ends.wait(timeout=10)
        if self.fails:
            raise self.fails
        return 0


@dataclass
class FakeServices:
    eraser: FakeEraser = field(default_factory=FakeEraser)

    @property
    def chores(self) -> list[FakeEraser]:
        return [self.eraser]


def test_a_tick_is_left_out_while_one_is_running_since_the_other_thread_releases_chunks() -> None:
    services: Any = FakeServices()
    task = KeepHouse(services)
    running = Thread(target=task.run)
    running.start()
    services.eraser.began.wait(timeout=10)
    task.run()
    services.eraser.ends.set()
    running.join()
    task.run(added_by_the_next_release=1)
    assert services.eraser.ticks == 2


def test_an_outage_is_logged_and_left_to_the_next_tick() -> None:
    services: Any = FakeServices(FakeEraser(fails=UnavailableError("DynamoDB", "down")))
    services.eraser.ends.set()
    task = KeepHouse(services)
    with capture_logs() as logs:
        task.run()
        task.run()
    assert [log["event"] for log in logs] == ["housekeeping failed"] * 2
