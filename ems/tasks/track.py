"""The task that consumes SES events."""

from collections.abc import Sequence
from typing import Any

import structlog

from ems import messages, queues
from ems.aws.sqs import OutgoingMessage
from ems.errors import UnavailableError
from ems.sending.outcomes import Delivery, Finished
from ems.tasks.base import EmsTask, or_postponed
from ems.tasks.descriptions import described
from ems.tracking.events import SesEvent, parse
from ems.tracking.gather import track_message, tracked_texts
from ems.tracking.intake import unwrap

log = structlog.get_logger()


class TrackEvent(EmsTask):
    """Apply SES events: a group from the webhook, or one straight from an SNS subscription of the queue."""

    name = messages.TRACK_EVENT

    def prepare(self) -> None:
        """Make what the first run would have to make."""
        super().prepare()
        _ = self.services.tracker

    def run(self, *, message: str | None = None, messages: Sequence[str] = (), **_future: Any) -> None:
        """Apply *messages*, or *message*: each SES's JSON, or an SNS envelope around it."""
        texts = tracked_texts(message=message, messages=messages)
        try:
            self._track(texts)
        except UnavailableError:
            raise  # SQS took no copy: the group comes back whole
        except Exception as error:
            # Whatever one of them fails with, the others must not go to the dead letters with it.
            if len(texts) == 1:
                raise
            log.warning("events handed in one by one", events=len(texts), reason=described(error))
            alone = [_message([text], label=f"one of {len(texts)}") for text in texts]
            self.services.sqs.send(queues.EVENTS, alone)

    def _track(self, texts: Sequence[str]) -> None:
        events = [event for text in texts for event in _events_of(text)]
        if not events:
            return
        label = events[0].message_id or "an event of no mail"
        delivery = or_postponed(self._apply, events)
        self.conclude(delivery, lambda: _message(texts, label=label), message_id=label)

    def _apply(self, events: Sequence[SesEvent]) -> Delivery:
        self.services.tracker.apply(*events)
        return Finished()


def _events_of(text: str) -> list[SesEvent]:
    event_json = unwrap(text)
    return parse(event_json) if event_json is not None else []


def _message(texts: Sequence[str], *, label: str) -> OutgoingMessage:
    return OutgoingMessage(track_message(texts, label=label).body())
