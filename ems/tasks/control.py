"""The tasks that beat schedules."""

from dataclasses import asdict
from threading import Lock
from typing import Any

import structlog

from ems import messages
from ems.errors import UnavailableError
from ems.tasks.base import EmsTask
from ems.wiring import Chore, Services

log = structlog.get_logger()

HOUSE_SECONDS = 20.0
"""How long one tick works on one thing."""


class Drain(EmsTask):
    """Release campaign chunks, once a second."""

    name = messages.DRAIN

    def prepare(self) -> None:
        """Make what the first run would have to make."""
        super().prepare()
        _ = self.services.drainer

    def run(self, **_future: Any) -> None:
        """Run one tick; the next one makes up for one that fails."""
        try:
            tick = self.services.drainer.tick()
        except UnavailableError as error:
            log.warning("drain tick failed", reason=str(error))
            return
        if tick is None:
            log.info("tick left to another drainer")
        elif tick.moved:
            log.info("drained", **asdict(tick))


class KeepHouse(EmsTask):
    """Go on with what is done in the background, every few seconds."""

    name = messages.KEEP_HOUSE

    def __init__(self, services: Services) -> None:
        super().__init__(services)
        self._at_work = Lock()

    def run(self, **_future: Any) -> None:
        """Run one tick, unless one is running; the next one makes up for one that fails."""
        if not self._at_work.acquire(blocking=False):
            return  # the other thread is needed to release chunks
        try:
            for chore in self.services.chores:
                _go_on_with(chore)
        finally:
            self._at_work.release()


def _go_on_with(chore: Chore) -> None:
    try:
        chore.tick(seconds=HOUSE_SECONDS)
    except UnavailableError as error:
        log.warning("housekeeping failed", reason=str(error))
