"""Endpoints as operators and the backend see them: made, changed, looked at, enabled again."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from ems.errors import ConflictError, InvalidError, UnavailableError, UnknownIdError
from ems.notify.addresses import is_public
from ems.notify.signing import new_secret
from ems.store.endpoints import Endpoint, EndpointStore, Progress, Wishes
from ems.store.feed_reader import FeedReader, Position

MAX_ENDPOINTS = 50
"""Every one of them is told of every event of its kind."""

BOTH_SECRETS_SECONDS = 24 * 3600.0
"""How long the secret before a rotation signs as well."""

State = Literal["active", "failing", "disabled"]


@dataclass(frozen=True, slots=True)
class EndpointView:
    """An endpoint without its secrets. ``behind`` is how many events it has not been told of, wanted or not."""

    endpoint_id: str
    wishes: Wishes
    progress: Progress
    state: State
    behind: int
    created_at: float
    updated_at: float


class Endpoints:
    """Keeps endpoints. Every method raises UnavailableError when DynamoDB is out of reach.

    *allow_private* also takes URLs of http and addresses that are not public. *clock* gives epoch seconds.
    """

    def __init__(
        self,
        store: EndpointStore,
        feed: FeedReader,
        *,
        allow_private: bool,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._feed = feed
        self._allow_private = allow_private
        self._clock = clock

    def create(self, wishes: Wishes) -> tuple[EndpointView, str]:
        """Make an endpoint that is told of what happens from now on; returns it with its secret.

        Raises:
            InvalidError: The URL cannot be posted to.
            ConflictError: There are too many endpoints.
        """
        self._check(wishes.url)
        if len(self._store.all()) >= MAX_ENDPOINTS:
            raise ConflictError(f"there are {MAX_ENDPOINTS} endpoints already; delete one that nobody needs")
        endpoint_id, secret = f"we_{secrets.token_hex(8)}", new_secret()
        if not self._store.insert(endpoint_id, wishes, secret=secret, told=self._feed.end()):
            raise UnavailableError("DynamoDB", "the endpoint's id is taken; ask again")  # chance: one in 2 ** 64
        return self.get(endpoint_id), secret

    def all(self) -> list[EndpointView]:
        """List endpoints, the oldest first."""
        end = self._feed.end()
        return [self._view(one, end) for one in self._store.all()]

    def get(self, endpoint_id: str) -> EndpointView:
        """Read one.

        Raises:
            UnknownIdError: There is none.
        """
        endpoint = self._store.read(endpoint_id)
        if endpoint is None:
            raise _unknown(endpoint_id)
        return self._view(endpoint, self._feed.end())

    def replace(self, endpoint_id: str, wishes: Wishes) -> EndpointView:
        """Change where it is and what it wants. One that fails is tried again at once, and so is one at a new URL.

        Raises:
            UnknownIdError: There is none.
            InvalidError: The URL cannot be posted to.
        """
        self._check(wishes.url)
        return self._done(endpoint_id, self._store.wish(endpoint_id, wishes))

    def delete(self, endpoint_id: str) -> None:
        """Remove one.

        Raises:
            UnknownIdError: There is none.
        """
        if not self._store.delete(endpoint_id):
            raise _unknown(endpoint_id)

    def enable(self, endpoint_id: str, *, skip: bool) -> EndpointView:
        """Go on telling it, from where it was as far as the feed reaches back, or with *skip* from now on.

        Raises:
            UnknownIdError: There is none.
        """
        told = self._feed.end() if skip else None
        return self._done(endpoint_id, self._store.enable(endpoint_id, told=told))

    def disable(self, endpoint_id: str, *, by: str) -> EndpointView:
        """Tell it nothing until it is enabled again.

        Raises:
            UnknownIdError: There is none.
        """
        return self._done(endpoint_id, self._store.disable(endpoint_id, reason=f"by {by}"))

    def rotate(self, endpoint_id: str) -> tuple[EndpointView, str]:
        """Sign with a new secret, and with the one before as well for BOTH_SECRETS_SECONDS.

        Raises:
            UnknownIdError: There is none.
        """
        secret = new_secret()
        old_until = self._clock() + BOTH_SECRETS_SECONDS
        return self._done(endpoint_id, self._store.rotate(endpoint_id, secret=secret, old_until=old_until)), secret

    def _done(self, endpoint_id: str, existed: bool) -> EndpointView:  # noqa: FBT001 - what the store answered
        if not existed:
            raise _unknown(endpoint_id)
        return self.get(endpoint_id)

    def _view(self, endpoint: Endpoint, end: Position) -> EndpointView:
        progress = endpoint.progress
        return EndpointView(
            endpoint_id=endpoint.endpoint_id,
            wishes=endpoint.wishes,
            progress=progress,
            state=state_of(progress),
            behind=progress.told.behind(end),
            created_at=endpoint.created_at,
            updated_at=endpoint.updated_at,
        )

    def _check(self, url: str) -> None:
        """Refuse what no post could ever go to; what a name leads to is looked at for each post."""
        try:
            parts = urlsplit(url)
            host, _port = parts.hostname, parts.port
        except ValueError:
            raise InvalidError("url", "is no URL; name one such as https://backend.example.com/ems") from None
        schemes = {"https", "http"} if self._allow_private else {"https"}
        if parts.scheme not in schemes or not host or not url.isascii():
            raise InvalidError("url", "name an https:// URL in ASCII, such as https://backend.example.com/ems")
        if parts.username is not None or parts.fragment:
            raise InvalidError("url", "leave out what stands before @ and after #; the signature says who posts")
        if not self._allow_private and _is_private(host):
            raise InvalidError("url", "name a host of the public internet; EMS_WEBHOOK_ALLOW_PRIVATE allows others")


def state_of(progress: Progress) -> State:
    """Tell how it goes with an endpoint."""
    if progress.disabled_at is not None:
        return "disabled"
    return "failing" if progress.failures else "active"


def _is_private(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return not is_public(host)
    except ValueError:  # a name
        return False


def _unknown(endpoint_id: str) -> UnknownIdError:
    return UnknownIdError("webhook endpoint", endpoint_id)
