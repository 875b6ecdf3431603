"""Publish ``BENCH_TASKS`` tasks as ``BENCH_TRANSPORT`` does, and print as JSON how long it took.

EMS hands its publisher all messages of a request at once; with kombu each task is a call of ``apply_async``.
"""

import json
import os
import time

from broker_app import TASKS, app

from ems import messages, queues
from ems.aws import clients
from ems.aws.sqs import OutgoingMessage, Sqs
from ems.settings import Settings


def publish_with_ems() -> None:
    """Write and send the messages as accept and release do."""
    tasks = (
        messages.TaskMessage(messages.DELIVER_EMAIL, {"email_id": str(i)}, label=f"email={i}") for i in range(TASKS)
    )
    sqs = Sqs(clients.sqs(Settings.from_environment()))
    sqs.send(queues.TRIGGER, [OutgoingMessage(task.body()) for task in tasks])


def publish_with_kombu() -> None:
    """Send the tasks through one connection, as a Celery client does."""
    with app.connection_for_write() as connection, app.amqp.Producer(connection) as producer:
        for number in range(TASKS):
            app.send_task(messages.DELIVER_EMAIL, kwargs={"email_id": str(number)}, producer=producer)


if __name__ == "__main__":
    began, cpu = time.monotonic(), time.process_time()
    if os.environ["BENCH_TRANSPORT"] == "ems":
        publish_with_ems()
    else:
        publish_with_kombu()
    print(json.dumps({"seconds": time.monotonic() - began, "cpu_seconds": time.process_time() - cpu}))
