"""Working queues on the embedded SQS, and Celery processes that use them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import boto3
import pytest

from ems import queues
from ems.local.launcher import LocalAws
from ems.messages import TaskMessage

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[2]

Value = TypeVar("Value")


def until(look: Callable[[], Value], *, seconds: float = 20) -> Value:
    """Look again and again until there is something to see; return it."""
    deadline = time.monotonic() + seconds
    while True:
        seen = look()
        if seen or time.monotonic() > deadline:
            assert seen, f"still {seen!r} after {seconds} s"
            return seen
        time.sleep(0.05)


def celery(environment: dict[str, str], *arguments: str, log: Path) -> subprocess.Popen[bytes]:
    """Start one Celery program on the app of these tests."""
    path = os.pathsep.join([str(HERE), str(REPOSITORY)])
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "broker_app", *arguments],
            env={**os.environ, **environment, "PYTHONPATH": path, "FLOWER_UNAUTHENTICATED_API": "true"},
            cwd=log.parent,
            stdout=output,
            stderr=output,
        )


@dataclass
class Account:
    """The embedded account as the tests see it."""

    environment: dict[str, str]
    sqs: "SQSClient" = field(init=False)

    def __post_init__(self) -> None:
        self.sqs = boto3.session.Session().client(
            "sqs",
            region_name=self.environment["AWS_REGION"],
            endpoint_url=self.environment["AWS_ENDPOINT_URL_SQS"],
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def provision(self) -> None:
        """Create the working queues with their dead-letter queues."""
        for queue in queues.ALL_QUEUES:
            dead = self.sqs.create_queue(QueueName=queues.dead_letter(queue))["QueueUrl"]
            answer = self.sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])
            policy = {"deadLetterTargetArn": answer["Attributes"]["QueueArn"], "maxReceiveCount": "5"}
            self.sqs.create_queue(
                QueueName=queue, Attributes={"VisibilityTimeout": "30", "RedrivePolicy": json.dumps(policy)}
            )

    def url(self, queue: str) -> str:
        return self.sqs.get_queue_url(QueueName=queue)["QueueUrl"]

    def send(self, task: str, queue: str, *, expires: str | None = None, **kwargs: Any) -> str:
        """Send a task as EMS's publisher does, or with a time of expiry as beat does; return its id."""
        body = json.loads(TaskMessage(task, kwargs, label="test").body())
        body["headers"]["expires"] = expires
        self.sqs.send_message(QueueUrl=self.url(queue), MessageBody=json.dumps(body))
        return str(body["headers"]["id"])

    def counts(self, queue: str) -> tuple[int, int]:
        """Return how many messages are waiting, and how many are in flight."""
        waiting, in_flight = "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"
        answer = self.sqs.get_queue_attributes(
            QueueUrl=self.url(queue), AttributeNames=["ApproximateNumberOfMessages", in_flight]
        )
        return int(answer["Attributes"][waiting]), int(answer["Attributes"][in_flight])

    def temporary_queues(self) -> list[str]:
        return self.sqs.list_queues(QueueNamePrefix="ems-tmp-").get("QueueUrls", [])

    def consumer_of(self, temporary_queue: str) -> str:
        """Return the name that Celery gave a temporary queue."""
        return self.sqs.list_queue_tags(QueueUrl=temporary_queue)["Tags"]["ems:consumer"]


@pytest.fixture(scope="session")
def account(local_aws: LocalAws) -> Account:
    account = Account(local_aws.environment())
    account.provision()
    return account


@pytest.fixture
def start_worker(account: Account, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start workers that end with the test."""
    started: list[subprocess.Popen[bytes]] = []

    def start(
        *, queue: str, name: str = "w", visibility_seconds: int = 30, sqs_url: str | None = None
    ) -> subprocess.Popen[bytes]:
        environment = {**account.environment, "TEST_VISIBILITY_SECONDS": str(visibility_seconds)}
        if sqs_url is not None:
            environment["AWS_ENDPOINT_URL_SQS"] = sqs_url
        log = tmp_path / f"{name}-{len(started)}.log"
        arguments = ("-n", f"{name}@test", "-c", "2", "-Q", queue, "-l", "INFO")
        started.append(celery(environment, "worker", *arguments, log=log))
        until(lambda: b"ready." in log.read_bytes())
        return started[-1]

    yield start
    for process in started:
        stop(process)


def stop(process: subprocess.Popen[bytes], *, seconds: float = 15) -> int:
    """End a process as an operator would; return its exit code."""
    process.send_signal(signal.SIGTERM)
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise
