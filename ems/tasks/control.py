"""The tasks that beat schedules."""

from dataclasses import asdict
from typing import Any

import structlog

from ems import messages
from ems.errors import UnavailableError
from ems.tasks.base import EmsTask

log = structlog.get_logger()


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
