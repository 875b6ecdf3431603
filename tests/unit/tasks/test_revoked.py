"""A send task that somebody revoked: its mails end, and none is lost."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from celery.exceptions import Ignore
from fakes.clock import Clock
from fakes.queues import MemorySqs
from fakes.sending import chunk, single
from fakes.tasks import registered

from ems import messages, queues
from ems.errors import UnavailableError
from ems.sending.outcomes import Delivery, Finished, Postponed
from ems.tasks.deliver import REVOKED, DeliverChunk, DeliverEmail, SendTask


@dataclass
class FakeDelivery:
    """Gives up, and never delivers."""

    answer: Delivery | Exception = field(default_factory=Finished)
    given_up: list[tuple[Any, str]] = field(default_factory=list)

    def give_up(self, payload: Any, *, reason: str) -> Delivery:
        self.given_up.append((payload, reason))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@dataclass
class FakeServices:
    sqs: MemorySqs
    email_delivery: FakeDelivery = field(default_factory=FakeDelivery)
    chunk_delivery: FakeDelivery = field(default_factory=FakeDelivery)

    def answer(self, answer: Delivery | Exception) -> None:
        self.email_delivery.answer = self.chunk_delivery.answer = answer


@pytest.fixture
def services(clock: Clock) -> FakeServices:
    return FakeServices(MemorySqs(clock))


def run_revoked(services: FakeServices, kind: type[SendTask], body: str) -> None:
    """Run a task as a worker does that was told to revoke it."""
    task = registered(kind(services))  # type: ignore[arg-type]
    task.push_request(**{messages.REVOKED_HEADER: True})
    try:
        with pytest.raises(Ignore):
            task.run(**messages.arguments_of(body))
    finally:
        task.pop_request()


def email(services: FakeServices) -> None:
    run_revoked(services, DeliverEmail, single("e1").message().body)


def bulk(services: FakeServices) -> None:
    run_revoked(services, DeliverChunk, chunk(3).message().body)


RUNS: list[Callable[[FakeServices], None]] = [email, bulk]


def test_its_mails_are_given_up_for_that_reason(services: FakeServices) -> None:
    email(services)
    bulk(services)
    assert services.email_delivery.given_up == [(single("e1"), REVOKED)]
    assert services.chunk_delivery.given_up == [(chunk(3), REVOKED)]
    assert services.sqs.bodies(queues.TRIGGER) == []


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize(
    "answer", [Postponed(9, "a sender has it"), UnavailableError("DynamoDB", "down", retry_after=9)]
)
def test_while_they_cannot_be_ended_a_copy_waits_that_is_revoked_too(
    services: FakeServices, run: Callable[[FakeServices], None], answer: Delivery | Exception
) -> None:
    services.answer(answer)
    run(services)
    [copy] = services.sqs.bodies(queues.TRIGGER)
    assert messages.header_of(copy, messages.REVOKED_HEADER) is True
    assert services.sqs.delays(queues.TRIGGER) == [9]
