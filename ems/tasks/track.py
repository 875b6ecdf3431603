"""The task that consumes SES events."""

from typing import Any

from ems import messages
from ems.tasks.base import EmsTask
from ems.tracking.events import parse
from ems.tracking.intake import unwrap


class TrackEvent(EmsTask):
    """Apply one SES event, from the webhook or straight from an SNS subscription of the queue."""

    name = messages.TRACK_EVENT

    def run(self, *, message: str, **_future: Any) -> None:
        """Apply *message*: SES's JSON, or an SNS envelope around it."""
        event_json = unwrap(message)
        if event_json is None:
            return
        for event in parse(event_json):
            self.services.tracker.apply(event)
