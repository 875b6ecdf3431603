"""kombu's own fanout over the simulator's SNS and ministack's SQS, as task events and remote control use it."""

import time
from typing import Any

import pytest
from kombu import Connection, Consumer, Exchange, Producer, Queue

from ems.local.launcher import LocalAws

pytestmark = pytest.mark.processes


def test_a_fanout_exchange_reaches_every_queue_bound_to_it(own_aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in own_aws.environment().items():
        monkeypatch.setenv(name, value)
    options = {"region": "us-east-1", "supports_fanout": True, "wait_time_seconds": 1, "polling_interval": 0}
    exchange = Exchange(f"events-{time.time_ns()}", type="fanout")
    queues = [Queue(f"{exchange.name}-{number}", exchange) for number in range(2)]
    received: list[Any] = []

    def keep(body: Any, message: Any) -> None:
        received.append(body["n"])
        message.ack()

    with (
        Connection("sqs://", transport_options=options) as reading,
        Connection("sqs://", transport_options=options) as writing,
        Consumer(reading.channel(), queues, callbacks=[keep]),
    ):
        producer = Producer(writing.channel(), exchange=exchange)
        for number in range(5):
            producer.publish({"n": number})
        while len(received) < 10:
            reading.drain_events(timeout=5)
    assert sorted(received) == sorted([*range(5)] * 2)
