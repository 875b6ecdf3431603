"""The Celery edge of tracking: what happens to the message."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from fakes.clock import Clock
from fakes.queues import MemorySqs
from fakes.ses_events import load

from ems import messages, queues
from ems.aws.sqs import OutgoingMessage
from ems.errors import UnavailableError
from ems.tasks.track import TrackEvent
from ems.tracking.events import SesEvent

NOTIFICATION = json.dumps({"Type": "Notification", "Message": json.dumps(load("delivery"))})


@dataclass
class FakeTracker:
    """Applies, or fails as told: always, or at events of the type ``stumbles_at``."""

    fails: Exception | None = None
    stumbles_at: str | None = None
    applied: list[SesEvent] = field(default_factory=list)

    def apply(self, *events: SesEvent) -> None:
        if self.fails:
            raise self.fails
        for event in events:
            if event.type == self.stumbles_at:
                raise RuntimeError("a defect")
            self.applied.append(event)


@dataclass
class FakeServices:
    """The services that this task uses."""

    sqs: MemorySqs
    tracker: FakeTracker = field(default_factory=FakeTracker)


@pytest.fixture
def services(clock: Clock) -> FakeServices:
    return FakeServices(MemorySqs(clock))


def track(services: FakeServices, **arguments: Any) -> None:
    TrackEvent(services).run(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("message", [json.dumps(load("delivery")), NOTIFICATION])
def test_an_event_is_applied_with_and_without_the_envelope_of_sns(services: FakeServices, message: str) -> None:
    track(services, message=message, priority=7)
    [event] = services.tracker.applied
    assert event.type == "delivery"
    assert services.sqs.bodies(queues.EVENTS) == []


def test_what_is_no_event_is_done_with(services: FakeServices) -> None:
    track(services, message="Successfully validated SNS topic for Amazon SES event publishing.")
    assert services.tracker.applied == []


def test_an_outage_postpones_an_event_and_spends_no_receive(services: FakeServices) -> None:
    services.tracker.fails = UnavailableError("DynamoDB", "down", retry_after=9)
    track(services, message=NOTIFICATION)
    assert services.sqs.delays(queues.EVENTS) == [9]
    services.tracker.fails = None
    again: Mapping[str, Any] = messages.arguments_of(services.sqs.bodies(queues.EVENTS)[0])
    track(services, **again)
    assert len(services.tracker.applied) == 1


def test_when_sqs_is_down_too_the_event_itself_comes_back(services: FakeServices) -> None:
    services.tracker.fails = UnavailableError("DynamoDB", "down")
    services.sqs.down = {"send"}
    with pytest.raises(UnavailableError, match="SQS"):
        track(services, message=NOTIFICATION)


def test_a_group_is_applied_whole(services: FakeServices) -> None:
    track(services, messages=[json.dumps(load(name)) for name in ("send", "delivery", "open")], priority=7)
    assert [event.type for event in services.tracker.applied] == ["send", "delivery", "open"]
    assert services.sqs.bodies(queues.EVENTS) == []


def test_a_group_that_an_outage_postpones_stays_together(services: FakeServices) -> None:
    services.tracker.fails = UnavailableError("DynamoDB", "down", retry_after=9)
    group = [json.dumps(load(name)) for name in ("send", "delivery")]
    track(services, messages=group)
    [body] = services.sqs.bodies(queues.EVENTS)
    assert messages.arguments_of(body) == {"messages": group}
    assert services.sqs.delays(queues.EVENTS) == [9]


def test_an_event_that_cannot_be_applied_takes_no_other_to_the_dead_letters(services: FakeServices) -> None:
    services.tracker.stumbles_at = "delivery"
    group = [json.dumps(load(name)) for name in ("send", "delivery", "open")]
    track(services, messages=group)
    bodies = services.sqs.bodies(queues.EVENTS)
    assert [messages.arguments_of(body) for body in bodies] == [{"message": message} for message in group]
    services.tracker.applied.clear()
    with pytest.raises(RuntimeError, match="a defect"):
        track(services, message=group[1])
    track(services, message=group[0])
    track(services, message=group[2])
    assert [event.type for event in services.tracker.applied] == ["send", "open"]


class StumblingSqs(MemorySqs):
    """Refuses the first messages, and takes the next."""

    stumbled = False

    def send(self, queue: str, messages: Sequence[OutgoingMessage]) -> None:
        if not self.stumbled:
            self.stumbled = True
            raise UnavailableError("SQS", "down")
        super().send(queue, messages)


def test_when_sqs_is_down_too_a_group_comes_back_whole(clock: Clock) -> None:
    services = FakeServices(StumblingSqs(clock), FakeTracker(fails=UnavailableError("DynamoDB", "down")))
    with pytest.raises(UnavailableError, match="SQS"):
        track(services, messages=[json.dumps(load(name)) for name in ("send", "delivery")])
    assert services.sqs.bodies(queues.EVENTS) == []
