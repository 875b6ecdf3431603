"""Telling the backend what became of its mails."""

from ems.notify.courier import Courier, Pace
from ems.notify.endpoints import Endpoints
from ems.notify.events import Events
from ems.notify.messages import Messages
from ems.notify.post import HttpPoster
from ems.notify.rounds import Rounds
from ems.wiring.outside import DAY_SECONDS
from ems.wiring.parts import part
from ems.wiring.tracking import Tracking


class Notifying(Tracking):
    """The layer ``notify``."""

    @part
    def event_messages(self) -> Messages:
        """What the backend reads of events."""
        return Messages(self.tracking_store)

    @part
    def events(self) -> Events:
        """The feed as the backend reads it."""
        return Events(self.feed_reader, self.event_messages, kept=self.feed.wanted)

    @part
    def endpoints(self) -> Endpoints:
        """The backend's endpoints."""
        return Endpoints(self.endpoint_store, self.feed_reader, allow_private=self.settings.webhook_allow_private)

    @part
    def courier(self) -> Courier:
        """Tells one endpoint."""
        seconds = self.settings.webhook_timeout_seconds
        return Courier(
            endpoints=self.endpoint_store,
            feed=self.feed_reader,
            messages=self.event_messages,
            poster=HttpPoster(allow_private=self.settings.webhook_allow_private, seconds=seconds),
            watch=self.telling_metrics,
            pace=Pace(give_up_seconds=self.settings.webhook_retry_days * DAY_SECONDS),
        )

    @part
    def webhook_rounds(self) -> Rounds:
        """Tells all of them."""
        return Rounds(endpoints=self.endpoint_store, feed=self.feed_reader, courier=self.courier)
