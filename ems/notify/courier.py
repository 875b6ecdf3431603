"""Telling one endpoint what it has not been told yet: in order, at least once, and no faster than it can take it."""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from threading import Event
from typing import Protocol

import structlog

from ems.notify.backoff import wait_seconds
from ems.notify.messages import EventMessage, Messages
from ems.notify.post import Gone, NotTaken, Outcome, Taken, UnreachableError
from ems.notify.signing import signed_headers
from ems.store.endpoints import Endpoint, EndpointStore, Progress
from ems.store.feed_reader import FeedReader, PlacedEvent, Position, Stretch
from ems.store.senders import lease_owner

READ_EVENTS = 100
"""Events that are read at once."""

SAVE_SECONDS = 5.0
"""Progress is written so often: what was told since is told again when the process dies."""

log = structlog.get_logger(__name__)


class Line(Protocol):
    """Posts to one endpoint (:class:`ems.notify.post.Line`)."""

    def post(self, body: bytes, headers: Mapping[str, str]) -> Outcome:
        """Post *body*."""

    def cut(self) -> None:
        """End all posts under way."""


class Poster(Protocol):
    """Opens lines (:class:`ems.notify.post.HttpPoster`)."""

    @property
    def seconds(self) -> float:
        """How long a post may take."""

    def open(self, url: str) -> AbstractContextManager[Line]:
        """Open a line; raises UnreachableError."""


class CourierWatch(Protocol):
    """Who hears of posts (:class:`ems.metrics.telling.TellingMetrics`)."""

    def posted(self, outcome: Outcome, seconds: float) -> None:
        """Hear what became of a post."""

    def disabled(self) -> None:
        """Hear that an endpoint was given up."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How endpoints are told.

    Attributes:
        window: Posts to one endpoint at the same time; so far the order is not kept.
        slice_seconds: How long one visit lasts at most, but for its last posts: others wait for theirs.
        give_up_seconds: An endpoint that has taken nothing for so long is disabled.
    """

    window: int = 16
    slice_seconds: float = 20.0
    give_up_seconds: float = 3 * 86_400.0


class Courier:
    """Visits endpoints.

    Args:
        endpoints: Where they are, and how far they were told.
        feed: What there is to tell.
        messages: How it is told.
        poster: Reaches them.
        watch: Who hears of posts.
        pace: How fast.
        clock: Epoch seconds.
        jitter: A number from 0 to 1.
    """

    def __init__(
        self,
        *,
        endpoints: EndpointStore,
        feed: FeedReader,
        messages: Messages,
        poster: Poster,
        watch: CourierWatch,
        pace: Pace,
        clock: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.endpoints = endpoints
        self.feed = feed
        self.messages = messages
        self.poster = poster
        self.watch = watch
        self.pace = pace
        self.clock = clock
        self.jitter = jitter
        self.stopping = Event()

    @property
    def lease_seconds(self) -> float:
        """How long an endpoint waits when the process that tells it is killed."""
        return SAVE_SECONDS + self.poster.seconds + 10.0

    def visit(self, endpoint_id: str) -> bool:
        """Tell an endpoint what it has not been told; False when it is not due, or somebody else is at it.

        A process that dies here leaves the lease to its end, and the endpoint is told again what it was told since
        progress was written last, under the same ids.

        Raises:
            UnavailableError: DynamoDB cannot be reached; somebody comes back to the endpoint.
        """
        owner = lease_owner()
        endpoint = self.endpoints.lease(endpoint_id, owner=owner, seconds=self.lease_seconds)
        if endpoint is None:
            return False
        visit = _Visit(self, endpoint, owner)
        try:
            # Only opening raises it: what happens to a post is an outcome.
            with self.poster.open(endpoint.wishes.url) as line:
                visit.tell(line)
        except UnreachableError as error:
            visit.fail(NotTaken(str(error)))
        visit.save(seconds=0)
        return True

    def stop(self) -> None:
        """End visits after the posts that are under way."""
        self.stopping.set()


class _Visit:
    """One visit of an endpoint that this process has leased."""

    def __init__(self, courier: Courier, endpoint: Endpoint, owner: str) -> None:
        self._courier = courier
        self._endpoint = endpoint
        self._owner = owner
        self._progress = endpoint.progress
        self._ends_at = courier.clock() + courier.pace.slice_seconds
        self._saved_at = courier.clock()
        self._goes_on = True

    def tell(self, line: Line) -> None:
        """Tell what there is, until a post fails or the time is over."""
        courier = self._courier
        with ThreadPoolExecutor(courier.pace.window, thread_name_prefix="webhook") as threads:
            while self._goes_on:
                stretch = courier.feed.read(self._progress.told, limit=READ_EVENTS)
                self._tell(stretch, line, threads)
                self._goes_on = self._goes_on and stretch.more and bool(stretch.events)

    def fail(self, outcome: Gone | NotTaken) -> None:
        """Note that the endpoint did not take what came next, and when it is tried again, if at all."""
        courier, progress = self._courier, self._progress
        now = courier.clock()
        since, failures = progress.failing_since or now, progress.failures + 1
        reason: str | None = None
        match outcome:
            case Gone():
                why, asked, reason = "it answered 410", None, "it answered 410: it wants nothing any more"
            case NotTaken(why, asked):
                if now - since >= courier.pace.give_up_seconds:
                    reason = f"it has taken nothing for too long: {why}"
        self._goes_on = False
        self._progress = replace(
            progress,
            failures=failures,
            failing_since=since,
            last_error=why,
            next_at=now + wait_seconds(failures, asked_for=asked, jitter=courier.jitter),
            disabled_at=None if reason is None else now,
            disabled_reason=reason,
        )
        log.warning("webhook endpoint fails", endpoint_id=self._endpoint.endpoint_id, failures=failures, reason=why)
        if reason is not None:
            log.error("webhook endpoint disabled", endpoint_id=self._endpoint.endpoint_id, reason=reason)
            courier.watch.disabled()

    def save(self, *, seconds: float) -> None:
        """Write progress and keep the lease for *seconds*; a lease that is lost ends the visit."""
        self._saved_at = self._courier.clock()
        kept = self._courier.endpoints.save(
            self._endpoint.endpoint_id, self._progress, owner=self._owner, seconds=seconds
        )
        self._goes_on = self._goes_on and kept

    def _tell(self, stretch: Stretch, line: Line, threads: ThreadPoolExecutor) -> None:
        before = self._progress.told
        wanted = [one for one in stretch.events if self._endpoint.wishes.include(one.event)]
        messages = self._courier.messages.of(wanted)
        taken = 0
        for window in self._windows(messages):
            outcomes = self._post(window, line, threads)
            failed = next((outcome for outcome in outcomes if not isinstance(outcome, Taken)), None)
            taken += len(window) if failed is None else outcomes.index(failed)
            told = _position(before, stretch, wanted[taken:])
            self._pass(told, any_taken=any(isinstance(outcome, Taken) for outcome in outcomes))
            if failed is not None:
                self.fail(failed)
            if not self._goes_on or self._is_over():
                self._goes_on = False
                return
        self._progress = replace(self._progress, told=stretch.position)

    def _windows(self, messages: Sequence[EventMessage]) -> Iterator[Sequence[EventMessage]]:
        """Split *messages* into those that are posted together; an endpoint that failed is tried with one."""
        start, size = 0, 1 if self._progress.failures else self._courier.pace.window
        while start < len(messages):
            yield messages[start : start + size]
            start, size = start + size, self._courier.pace.window

    def _post(self, window: Sequence[EventMessage], line: Line, threads: ThreadPoolExecutor) -> list[Outcome]:
        posts = [threads.submit(self._post_one, line, message) for message in window]
        if wait(posts, timeout=self._courier.poster.seconds).not_done:
            line.cut()
        return [post.result() for post in posts]

    def _post_one(self, line: Line, message: EventMessage) -> Outcome:
        courier, body = self._courier, message.model_dump_json(exclude_none=False)
        began = courier.clock()
        headers = signed_headers(message.id, body, keys=self._endpoint.secrets, at=began)
        outcome = line.post(body.encode(), headers)
        courier.watch.posted(outcome, courier.clock() - began)
        return outcome

    def _pass(self, told: Position, *, any_taken: bool) -> None:
        progress = replace(self._progress, told=told)
        if any_taken:
            progress = Progress(told=told, told_at=self._courier.clock())
        self._progress = progress
        if self._courier.clock() - self._saved_at >= SAVE_SECONDS:
            self.save(seconds=self._courier.lease_seconds)

    def _is_over(self) -> bool:
        return self._courier.clock() >= self._ends_at or self._courier.stopping.is_set()


def _position(told: Position, stretch: Stretch, left: Sequence[PlacedEvent]) -> Position:
    """Return the position in *stretch*, which begins at *told*, before the first that is *left*."""
    if not left:
        return stretch.position
    for one in stretch.events:
        if one is left[0]:
            break
        told = told.after(one)
    return told
