"""The feed and the endpoints for the HTTP edge: one event, and one endpoint, we-1."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from ems.errors import UnknownIdError
from ems.notify.endpoints import EndpointView, state_of
from ems.notify.events import Catch
from ems.notify.messages import EventData, EventMessage
from ems.store.endpoints import Progress, Wishes
from ems.store.status import Status

EVENT = EventMessage(
    id="evt_00_1",
    type="bounce",
    timestamp=datetime(2026, 10, 12, tzinfo=UTC),
    data=EventData(
        email_id="em-1",
        campaign_id="welcome",
        batch_id=None,
        message_id="m-1",
        recipient="ada@example.com",
        status=Status.BOUNCED,
        hard=True,
    ),
)


@dataclass
class FakeEvents:
    """Notes what is asked for."""

    asked: list[tuple[str | None, Wishes, int]] = field(default_factory=list)

    def after(self, cursor: str | None, *, wishes: Wishes, limit: int) -> Catch:
        self.asked.append((cursor, wishes, limit))
        return Catch([EVENT], "further", more=False)


@dataclass
class FakeEndpoints:
    """One endpoint; notes what is done with it."""

    view: EndpointView = field(
        default_factory=lambda: EndpointView("we-1", Wishes("https://x.example"), Progress(), "active", 0, 1e9, 1e9)
    )
    done: list[str] = field(default_factory=list)

    def create(self, wishes: Wishes) -> tuple[EndpointView, str]:
        self.view = replace(self.view, wishes=wishes)
        return self.view, "whsec_c2VjcmV0"

    def all(self) -> list[EndpointView]:
        return [self.view]

    def get(self, endpoint_id: str) -> EndpointView:
        if endpoint_id != "we-1":
            raise UnknownIdError("webhook endpoint", endpoint_id)
        return self.view

    def replace(self, endpoint_id: str, wishes: Wishes) -> EndpointView:
        self.view = replace(self.get(endpoint_id), wishes=wishes)
        return self.view

    def delete(self, endpoint_id: str) -> None:
        self.get(endpoint_id)
        self.done.append("deleted")

    def enable(self, endpoint_id: str, *, skip: bool) -> EndpointView:
        self.done.append(f"enabled, skip {skip}")
        return self._now(endpoint_id, Progress())

    def disable(self, endpoint_id: str, *, by: str) -> EndpointView:
        return self._now(endpoint_id, Progress(disabled_at=1e9, disabled_reason=f"by {by}"))

    def rotate(self, endpoint_id: str) -> tuple[EndpointView, str]:
        return self.get(endpoint_id), "whsec_bmV3"

    def _now(self, endpoint_id: str, progress: Progress) -> EndpointView:
        self.view = replace(self.get(endpoint_id), progress=progress, state=state_of(progress))
        return self.view
