"""The task that tells the backend's endpoints of events."""

from typing import Any

import structlog

from ems import messages
from ems.errors import UnavailableError
from ems.tasks.base import EmsTask

log = structlog.get_logger()


class TellEndpoints(EmsTask):
    """Tell every endpoint that is due what it has not been told yet."""

    name = messages.TELL_ENDPOINTS

    def prepare(self) -> None:
        """Make what the first run would have to make."""
        super().prepare()
        _ = self.services.webhook_rounds

    def run(self, **_future: Any) -> None:
        """Make one round; the next one makes up for one that fails."""
        try:
            self.services.webhook_rounds.make()
        except UnavailableError as error:
            log.warning("round of webhooks failed", reason=str(error))
