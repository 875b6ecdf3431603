"""What a worker does before the first message."""

import gc
from collections.abc import Iterator

import pytest
from celery import signals
from celery.utils.dispatch import Signal

from ems import messages, queues
from ems.celery import create_app
from ems.settings import Settings
from ems.store.tables import Tables


@pytest.fixture(autouse=True)
def alone() -> Iterator[None]:
    """Leave no listener to the signals of the next worker, and no frozen garbage."""
    before = [(signal, list(signal.receivers or ())) for signal in vars(signals).values() if isinstance(signal, Signal)]
    yield
    for signal, receivers in before:
        signal.receivers = receivers
        signal.sender_receivers_cache.clear()
    gc.unfreeze()


@pytest.mark.parametrize(
    ("queue", "task", "part"),
    [
        (queues.TRIGGER, messages.DELIVER_EMAIL, "email_delivery"),
        (queues.TRIGGER, messages.DELIVER_CHUNK, "chunk_delivery"),
        (queues.EVENTS, messages.TRACK_EVENT, "tracker"),
    ],
)
def test_what_a_workers_tasks_need_is_made_before_it_takes_a_message_that_would_wait_for_that(
    tables: Tables, queue: str, task: str, part: str
) -> None:
    prefix = tables.rate.Meta.table_name.removesuffix("email-rate")
    worker = create_app(Settings(table_prefix=prefix, max_send_rate=100, metrics_port=0))  # moto's SES tells no limits
    worker.amqp.queues.select([queue])
    signals.celeryd_after_setup.send(sender="sender@here")  # Celery sends it before it starts to consume
    assert part in worker.tasks[task].services.made
