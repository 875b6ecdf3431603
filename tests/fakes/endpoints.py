"""An endpoint of the backend's, in memory, and the courier that tells it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from fakes.clock import Clock
from standardwebhooks.webhooks import Webhook

from ems.notify.courier import Courier, Pace
from ems.notify.messages import Messages
from ems.notify.post import Outcome, Taken, UnreachableError
from ems.store.endpoints import EndpointStore
from ems.store.feed_reader import FeedReader
from ems.store.status import Status
from ems.store.tables import Tables
from ems.store.tracking import TrackedMail


class FakeMails:
    """A mail for every id."""

    def load(self, email_ids: Iterable[str]) -> Mapping[str, TrackedMail]:
        return {one: TrackedMail(one, recipient=f"{one}@example.com", send_status=Status.SENT) for one in email_ids}


@dataclass
class Backend:
    """Takes every post, or answers as told. ``posts`` holds the ids in the order in which they came."""

    answer: Callable[[str], Outcome] = lambda _id: Taken()
    unreachable: str | None = None
    seconds: float = 15.0
    posts: list[str] = field(default_factory=list)
    bodies: list[tuple[bytes, Mapping[str, str]]] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)
    cuts: int = 0
    _lock: Any = field(default_factory=Lock)

    @contextmanager
    def open(self, url: str) -> Iterator["Backend"]:
        if self.unreachable is not None:
            raise UnreachableError(self.unreachable)
        self.urls.append(url)
        yield self

    def post(self, body: bytes, headers: Mapping[str, str]) -> Outcome:
        with self._lock:
            self.posts.append(headers["webhook-id"])
            self.bodies.append((body, headers))
        return self.answer(headers["webhook-id"])

    def cut(self) -> None:
        self.cuts += 1

    def verified(self, secret: str) -> list[Any]:
        """Return what was posted, as the library of Standard Webhooks reads it."""
        return [Webhook(secret).verify(body, dict(headers)) for body, headers in self.bodies]


@dataclass
class Heard:
    """What the courier's watch heard."""

    outcomes: list[Outcome] = field(default_factory=list)
    given_up: int = 0

    def posted(self, outcome: Outcome, seconds: float) -> None:
        assert seconds >= 0
        self.outcomes.append(outcome)

    def disabled(self) -> None:
        self.given_up += 1


def courier_of(
    tables: Tables, clock: Clock, backend: Backend, *, watch: Heard | None = None, pace: Pace | None = None
) -> Courier:
    return Courier(
        endpoints=EndpointStore(tables, clock=clock),
        feed=FeedReader(tables, clock=clock),
        messages=Messages(FakeMails()),
        poster=backend,
        watch=watch or Heard(),
        pace=pace or Pace(window=4),
        clock=clock,
        jitter=lambda: 1.0,
    )
