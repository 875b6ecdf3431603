"""The transport in kombu's and Celery's hands, before any request goes out."""

import os
import signal
import threading
from collections.abc import Iterator
from queue import Empty

import pytest
from celery import Celery
from kombu import Connection
from kombu.asynchronous import Hub
from kombu.asynchronous.timer import Timer

import celeryconfig
from ems import messages, queues
from ems.broker.channel import Channel
from ems.broker.transport import TIMER_SECONDS, Transport


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


@pytest.fixture
def connection() -> Iterator[Connection]:
    with Connection("sqs://", transport="ems.broker.transport:Transport") as connection:
        yield connection


@pytest.fixture
def channel(connection: Connection) -> Channel:
    """A channel of a connection that never asked for SQS."""
    return Channel(connection.transport)


@pytest.fixture
def hub() -> Iterator[Hub]:
    hub = Hub()
    yield hub
    hub.close()


def test_celery_takes_the_transport_from_its_configuration() -> None:
    app = Celery("test")
    app.config_from_object(celeryconfig)
    with app.connection_for_read() as connection:
        assert type(connection.transport) is Transport
        assert connection.supports_exchange_type("fanout")
        assert connection.transport.outside_tasks == {queues.EVENTS: messages.TRACK_EVENT}
        assert set(connection.transport.tasks) == set(messages.QUEUE_OF_TASK)


def test_every_task_is_routed_to_a_queue_that_celery_reads() -> None:
    app = Celery("test")
    app.config_from_object(celeryconfig)
    routes = {task: app.amqp.router.route({}, task)["queue"].name for task in messages.QUEUE_OF_TASK}
    assert routes == messages.QUEUE_OF_TASK
    assert set(routes.values()) == set(queues.CELERY_QUEUES)


def test_beat_schedules_known_tasks_that_expire() -> None:
    for entry in celeryconfig.beat_schedule.values():
        assert entry["task"] in messages.QUEUE_OF_TASK
        assert entry["options"]["expires"] >= entry["schedule"]


def test_declaring_a_working_queue_asks_nothing_of_sqs(channel: Channel) -> None:
    declared = channel.queue_declare(queues.TRIGGER, durable=True)
    assert declared.queue == queues.TRIGGER


def test_celerys_topic_exchange_for_events_becomes_fanout(channel: Channel) -> None:
    channel.exchange_declare("ems-task-events", type="topic", durable=True)
    assert channel.typeof("ems-task-events").type == "fanout"


def test_a_reply_finds_its_queue_without_a_shared_binding_table(channel: Channel) -> None:
    assert channel._lookup("reply.ems.pidbox", "4f9c") == ["4f9c.reply.ems.pidbox"]


def test_a_channel_without_consumers_has_nothing_to_drain(channel: Channel) -> None:
    with pytest.raises(Empty):
        channel.drain_events(timeout=1)


def test_a_task_done_after_its_channel_closed_does_not_end_the_worker(
    channel: Channel, caplog: pytest.LogCaptureFixture
) -> None:
    channel.basic_ack("a receipt handle that was given back")
    assert "SQS delivers it again" in caplog.text


def test_the_worker_s_loop_looks_again_at_once_when_many_timers_are_due(connection: Connection, hub: Hub) -> None:
    transport = connection.transport
    transport.register_with_event_loop(transport, hub)
    fired: list[int] = []
    for number in range(25):
        hub.call_later(0, fired.append, number)
    assert hub.fire_timers() <= TIMER_SECONDS
    assert len(fired) == 10
    transport.close_connection(transport)


def test_the_worker_s_loop_watches_a_socket_so_that_a_call_from_a_thread_wakes_it(
    connection: Connection, hub: Hub
) -> None:
    transport = connection.transport
    transport.register_with_event_loop(transport, hub)
    assert hub.readers
    transport.close_connection(transport)
    assert not hub.readers


@pytest.fixture
def patient_hub() -> Iterator[Hub]:
    """A loop that sleeps until its next timer, up to ten seconds, as a worker's does."""
    hub = Hub(timer=Timer(max_interval=10.0))
    yield hub
    hub.close()


def test_a_signal_wakes_the_worker_s_loop_before_its_next_timer(connection: Connection, patient_hub: Hub) -> None:
    transport = connection.transport
    transport.register_with_event_loop(transport, patient_hub)
    seen: list[str] = []
    before = signal.signal(signal.SIGUSR1, lambda *_: seen.append("signal"))
    patient_hub.call_later(5, seen.append, "timer")
    threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGUSR1)).start()
    loop = patient_hub.create_loop()
    while not seen:
        next(loop)
    patient_hub.fire_timers()
    assert seen == ["signal"]
    signal.signal(signal.SIGUSR1, before)
    transport.close_connection(transport)


def test_what_the_loop_puts_into_itself_is_not_left_to_its_next_timer(connection: Connection, patient_hub: Hub) -> None:
    transport = connection.transport
    transport.register_with_event_loop(transport, patient_hub)
    seen: list[str] = []
    patient_hub.call_later(5, seen.append, "timer")

    def acknowledge() -> None:
        patient_hub.fire_timers()  # shows whether the timer is due by now
        seen.append("acknowledged")
        transport.look_again()

    def deliver() -> None:
        patient_hub.call_soon(acknowledge)
        transport.look_again()

    patient_hub.call_soon(deliver)
    loop = patient_hub.create_loop()
    while not seen:
        next(loop)
    assert seen == ["acknowledged"]
    transport.close_connection(transport)
