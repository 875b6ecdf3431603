"""Posts of the same moment: one message to SQS, and an answer for each."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event

import pytest
from fakes.clock import Clock

from ems.errors import UnavailableError
from ems.tracking.gather import MAX_BYTES, MAX_EVENTS, Gatherer, PostedEvent

FOR_EVER = 3600.0
"""A linger that would hang a test that has to wait for it."""


@dataclass
class Queue:
    """Takes groups, once ``open``; fails as told."""

    fails: Exception | None = None
    open: Event = field(default_factory=Event)
    asked: Event = field(default_factory=Event)
    groups: list[list[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.open.set()

    def send(self, events: Sequence[PostedEvent]) -> None:
        self.asked.set()
        self.open.wait()
        if self.fails:
            raise self.fails
        self.groups.append([event.sns_message_id for event in events])


@pytest.fixture
def queue() -> Queue:
    return Queue()


def posted(number: int, *, size: int = 10) -> PostedEvent:
    return PostedEvent(f"sns-{number}", "x" * size)


def publish_all(gatherer: Gatherer, events: Sequence[PostedEvent]) -> list[Future[None]]:
    """Publish each from a thread of its own, after a first that has just gone alone."""
    with ThreadPoolExecutor(len(events)) as pool:
        return [pool.submit(gatherer.publish, event) for event in events]


def busy(queue: Queue) -> Gatherer:
    """Return a gatherer that has seen a post a moment ago, so that the next one waits for company."""
    gatherer = Gatherer(queue.send, linger_seconds=FOR_EVER, clock=Clock())
    gatherer.publish(posted(0))
    assert queue.groups.pop() == ["sns-0"]
    return gatherer


def test_a_post_that_comes_alone_does_not_wait(queue: Queue) -> None:
    clock = Clock()
    gatherer = Gatherer(queue.send, linger_seconds=FOR_EVER, clock=clock)
    for number in range(3):
        gatherer.publish(posted(number))
        clock.now += 2 * FOR_EVER
    assert queue.groups == [["sns-0"], ["sns-1"], ["sns-2"]]


def test_posts_of_the_same_moment_travel_together_and_a_full_group_waits_no_longer(queue: Queue) -> None:
    results = publish_all(busy(queue), [posted(number) for number in range(1, MAX_EVENTS + 1)])
    assert [result.exception() for result in results] == [None] * MAX_EVENTS
    [group] = queue.groups
    assert sorted(group) == sorted(f"sns-{number}" for number in range(1, MAX_EVENTS + 1))


def test_a_group_that_is_not_full_goes_when_its_time_is_over(queue: Queue) -> None:
    gatherer = Gatherer(queue.send, linger_seconds=0.01)
    publish_all(gatherer, [posted(number) for number in range(3)])
    assert sorted(one for group in queue.groups for one in group) == ["sns-0", "sns-1", "sns-2"]


def test_posts_too_large_for_one_message_go_apart(queue: Queue) -> None:
    gatherer = Gatherer(queue.send, linger_seconds=0.01)
    publish_all(gatherer, [posted(number, size=MAX_BYTES // 2 + 1) for number in range(3)])
    assert [len(group) for group in queue.groups] == [1, 1, 1]


def test_no_post_is_answered_before_sqs_has_it(queue: Queue) -> None:
    gatherer = busy(queue)
    queue.open.clear()
    queue.asked.clear()
    with ThreadPoolExecutor(MAX_EVENTS) as pool:
        results = [pool.submit(gatherer.publish, posted(number)) for number in range(MAX_EVENTS)]
        assert queue.asked.wait(10)
        assert not any(result.done() for result in results)
        queue.open.set()
    assert all(result.exception() is None for result in results)


@pytest.mark.parametrize("error", [UnavailableError("SQS", "down"), RuntimeError("a defect")])
def test_a_failure_reaches_every_post_of_the_group_and_nobody_else(queue: Queue, error: Exception) -> None:
    gatherer = busy(queue)
    queue.fails = error
    results = publish_all(gatherer, [posted(number) for number in range(MAX_EVENTS)])
    assert [result.exception() for result in results] == [error] * MAX_EVENTS
    queue.fails = None
    results = publish_all(gatherer, [posted(number) for number in range(MAX_EVENTS)])
    assert [result.exception() for result in results] == [None] * MAX_EVENTS
