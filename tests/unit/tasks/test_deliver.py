"""The Celery edge of delivering: what happens to the message."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import structlog
from fakes.clock import Clock
from fakes.queues import MemorySqs
from fakes.sending import chunk, single
from fakes.tasks import registered
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from ems import messages, queues
from ems.errors import UnavailableError
from ems.sending.outcomes import Delivery, Finished, Postponed
from ems.sending.payloads import ChunkPayload, SinglePayload
from ems.tasks.base import EmsTask
from ems.tasks.control import Drain
from ems.tasks.deliver import DeliverChunk, DeliverEmail


@dataclass
class FakeDelivery:
    """Answers, or raises, as told."""

    answer: Delivery | Exception = field(default_factory=Finished)
    delivered: list[Any] = field(default_factory=list)

    def deliver(self, payload: Any) -> Delivery:
        self.delivered.append(payload)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@dataclass
class FakeServices:
    """The few services that these tasks use."""

    sqs: MemorySqs
    email_delivery: FakeDelivery = field(default_factory=FakeDelivery)
    chunk_delivery: FakeDelivery = field(default_factory=FakeDelivery)
    drainer: Any = None


@pytest.fixture
def services(clock: Clock) -> FakeServices:
    return FakeServices(MemorySqs(clock))


def deliver_email(services: FakeServices, **more: Any) -> None:
    task = registered(DeliverEmail(services))  # type: ignore[arg-type]
    task.run(**messages.arguments_of(single("e1").message().body), **more)


def deliver_chunk(services: FakeServices, **more: Any) -> None:
    task = registered(DeliverChunk(services))  # type: ignore[arg-type]
    task.run(**messages.arguments_of(chunk(3).message().body), **more)


RUNS: list[Callable[..., None]] = [deliver_email, deliver_chunk]


def answer(services: FakeServices, with_: Delivery | Exception) -> None:
    services.email_delivery.answer = services.chunk_delivery.answer = with_


def test_a_task_delivers_what_its_message_carries(services: FakeServices) -> None:
    deliver_email(services)
    deliver_chunk(services)
    assert services.email_delivery.delivered == [single("e1")]
    assert services.chunk_delivery.delivered == [chunk(3)]
    assert services.sqs.bodies(queues.TRIGGER) == []


@pytest.mark.parametrize("run", RUNS)
def test_arguments_of_a_newer_release_are_left_alone(services: FakeServices, run: Callable[..., None]) -> None:
    run(services, priority=7)


@pytest.mark.parametrize("run", RUNS)
def test_a_postponed_message_is_in_the_queue_again_before_it_is_acknowledged(
    services: FakeServices, run: Callable[..., None]
) -> None:
    answer(services, Postponed(7, "later"))
    run(services)
    assert services.sqs.delays(queues.TRIGGER) == [7]


def test_a_message_handed_in_again_carries_the_same(services: FakeServices) -> None:
    answer(services, Postponed(0, "later"))
    deliver_email(services)
    deliver_chunk(services)
    first, second = services.sqs.bodies(queues.TRIGGER)
    assert SinglePayload.of(messages.arguments_of(first)["mail"]) == single("e1")
    assert ChunkPayload.of(messages.arguments_of(second)["chunk"]) == chunk(3)


@pytest.mark.parametrize("run", RUNS)
def test_a_service_out_of_reach_postpones_and_spends_no_receive(
    services: FakeServices, run: Callable[..., None]
) -> None:
    answer(services, UnavailableError("DynamoDB", "down", retry_after=9))
    run(services)
    assert services.sqs.delays(queues.TRIGGER) == [9]


@pytest.mark.parametrize("run", RUNS)
def test_when_sqs_is_down_too_the_message_itself_comes_back(services: FakeServices, run: Callable[..., None]) -> None:
    answer(services, UnavailableError("DynamoDB", "down"))
    services.sqs.down = {"send"}
    with pytest.raises(UnavailableError, match="SQS"):
        run(services)


@pytest.mark.parametrize("run", RUNS)
def test_a_mistake_of_our_own_is_not_hidden(services: FakeServices, run: Callable[..., None]) -> None:
    answer(services, ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        run(services)


class FailingDrainer:
    def tick(self) -> None:
        raise UnavailableError("SQS", "down")


def test_a_drain_tick_that_fails_leaves_it_to_the_next(services: FakeServices) -> None:
    services.drainer = FailingDrainer()
    Drain(services).run()  # type: ignore[arg-type]


class BusyDrainer:
    def tick(self) -> None:
        return None


def test_a_drain_tick_that_finds_another_one_at_work_says_so(services: FakeServices) -> None:
    services.drainer = BusyDrainer()
    with capture_logs() as logs:
        Drain(services).run()  # type: ignore[arg-type]
    assert [one["event"] for one in logs] == ["tick left to another drainer"]


@pytest.mark.parametrize(
    ("task", "payload", "about"),
    [
        (DeliverEmail, single("e1", request_id="r-1"), {"email_id": "e1"}),
        (DeliverChunk, chunk(3, request_id="r-1"), {"batch_id": "b1", "chunk": 0}),
    ],
)
def test_whatever_is_logged_while_delivering_names_the_request_and_the_mail(
    services: FakeServices, task: type[EmsTask], payload: SinglePayload | ChunkPayload, about: dict[str, Any]
) -> None:
    services.email_delivery.answer = services.chunk_delivery.answer = Postponed(5, "quota")
    with capture_logs(processors=[merge_contextvars]) as lines:
        task(services).run(**messages.arguments_of(payload.message().body))  # type: ignore[arg-type]
        structlog.get_logger().info("later")
    postponed, later = lines
    assert {"event": "postponed", "request_id": "r-1", **about}.items() <= postponed.items()
    assert "request_id" not in later
