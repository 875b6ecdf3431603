"""Queue depths as Prometheus sees them."""

from fakes.clock import Clock
from fakes.queues import MemorySqs
from prometheus_client import CollectorRegistry, generate_latest

from ems import queues
from ems.aws.sqs import Depth, OutgoingMessage
from ems.errors import UnavailableError
from ems.web.queue_metrics import QueueDepths


def scrape(sqs: MemorySqs) -> str:
    registry = CollectorRegistry()
    registry.register(QueueDepths(sqs, clock=sqs.clock))
    return generate_latest(registry).decode()


def test_every_queue_and_its_dead_letter_queue_is_shown(sqs: MemorySqs) -> None:
    sqs.send(queues.WAIT, [OutgoingMessage("one"), OutgoingMessage("two")])
    text = scrape(sqs)
    assert f'ems_queue_messages{{queue="{queues.WAIT}",state="visible"}} 2.0' in text
    for name in queues.ALL_QUEUES:
        assert f'queue="{queues.dead_letter(name)}",state="visible"' in text


class OneUnreachable(MemorySqs):
    """SQS without ``email-events``."""

    def depth(self, queue: str) -> Depth:
        if queue == queues.EVENTS:
            raise UnavailableError("SQS", "gone")
        return super().depth(queue)


def test_a_queue_that_cannot_be_read_leaves_a_gap(sqs: MemorySqs) -> None:
    text = scrape(OneUnreachable(sqs.clock))
    assert f'queue="{queues.TRIGGER}"' in text
    assert f'queue="{queues.EVENTS}"' not in text


def test_the_age_of_dead_letters_is_shown_where_there_are_any_and_hides_none(sqs: MemorySqs, clock: Clock) -> None:
    dead = queues.dead_letter(queues.TRIGGER)
    assert "ems_dead_letter_age_seconds{" not in scrape(sqs)
    sqs.send(dead, [OutgoingMessage("old")])
    clock.advance(90)
    sqs.send(dead, [OutgoingMessage("new")])
    assert f'ems_dead_letter_age_seconds{{queue="{dead}"}} 90.0' in scrape(sqs)
    assert len(sqs.receive(dead, limit=10)) == 2
