"""The task that consumes SES events."""

from collections.abc import Sequence
from typing import Any

from ems import messages
from ems.aws.sqs import OutgoingMessage
from ems.messages import TaskMessage
from ems.sending.outcomes import Delivery, Finished
from ems.tasks.base import EmsTask, or_postponed
from ems.tracking.events import SesEvent, parse
from ems.tracking.intake import unwrap


class TrackEvent(EmsTask):
    """Apply one SES event, from the webhook or straight from an SNS subscription of the queue."""

    name = messages.TRACK_EVENT

    def run(self, *, message: str, **_future: Any) -> None:
        """Apply *message*: SES's JSON, or an SNS envelope around it."""
        event_json = unwrap(message)
        events = parse(event_json) if event_json is not None else []
        if not events:
            return
        label = events[0].message_id or "an event of no mail"

        def again() -> OutgoingMessage:
            return OutgoingMessage(TaskMessage(self.name, {"message": message}, label=label).body())

        self.conclude(or_postponed(self._apply, events), again, identifier=label)

    def _apply(self, events: Sequence[SesEvent]) -> Delivery:
        for event in events:
            self.services.tracker.apply(event)
        return Finished()
