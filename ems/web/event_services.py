"""What the HTTP edge needs so that the backend learns of events, as small interfaces (:mod:`ems.notify`)."""

from typing import Protocol

from ems.notify.endpoints import EndpointView
from ems.notify.events import Catch
from ems.store.endpoints import Wishes


class Events(Protocol):
    """Reads the feed of events."""

    def after(self, cursor: str | None, *, wishes: Wishes, limit: int) -> Catch:
        """Return what comes after a cursor."""


class Endpoints(Protocol):
    """Keeps the endpoints that are told of events."""

    def create(self, wishes: Wishes) -> tuple[EndpointView, str]:
        """Make one; returns it with its secret."""

    def all(self) -> list[EndpointView]:
        """List them."""

    def get(self, endpoint_id: str) -> EndpointView:
        """Read one."""

    def replace(self, endpoint_id: str, wishes: Wishes) -> EndpointView:
        """Change where one is and what it wants."""

    def delete(self, endpoint_id: str) -> None:
        """Remove one."""

    def enable(self, endpoint_id: str, *, skip: bool) -> EndpointView:
        """Go on telling one."""

    def disable(self, endpoint_id: str, *, by: str) -> EndpointView:
        """Tell one nothing."""

    def rotate(self, endpoint_id: str) -> tuple[EndpointView, str]:
        """Make a new secret; returns it, too."""
