"""Flower and remote control over SQS and SNS alone, with real processes."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from ems import queues
from ems.local.launcher import free_port
from tests.integration.broker.conftest import Account, celery, stop, until

pytestmark = pytest.mark.processes

WORKER = "seen@test"


@dataclass
class Cluster:
    account: Account
    flower_url: str
    directory: Path

    def get(self, path: str) -> Any:
        response = requests.get(f"{self.flower_url}{path}", timeout=10)
        response.raise_for_status()
        return response.json()

    def inspect(self, command: str, *, without: str | None = None) -> dict[str, Any]:
        """Run ``celery inspect``, without one of the environment's variables."""
        environment = {name: value for name, value in self.account.environment.items() if name != without}
        log = self.directory / f"inspect-{command}.json"
        process = celery(environment, "inspect", command, "--json", "--timeout", "5", "-d", WORKER, log=log)
        assert process.wait(20) == 0
        return dict(json.loads(log.read_text()))


@pytest.fixture(scope="module")
def cluster(account: Account, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One worker and Flower; both must be gone, with their queues, after a polite end."""
    directory = tmp_path_factory.mktemp("cluster")
    before = account.temporary_queues()
    port = free_port()
    working = f"{queues.TRIGGER},{queues.EVENTS}"
    worker = celery(
        account.environment, "worker", "-n", WORKER, "-P", "threads", "-c", "4", "-Q", working, "-l", "INFO",
        log=directory / "worker.log",
    )  # fmt: skip
    flower = celery(
        account.environment, "flower", f"--port={port}", "--address=127.0.0.1", log=directory / "flower.log"
    )
    cluster = Cluster(account, f"http://127.0.0.1:{port}", directory)
    until(lambda: b"ready." in (directory / "worker.log").read_bytes())
    until(lambda: b"Connected to" in (directory / "flower.log").read_bytes())
    yield cluster
    assert stop(worker) == 0
    assert stop(flower) == 0
    assert set(account.temporary_queues()) <= set(before)
    assert {path.suffix for path in directory.iterdir()} <= {".log", ".json", ".txt"}


def refreshed(cluster: Cluster) -> dict[str, Any]:
    """What Flower knows after asking once more; on a busy machine an answer can miss Flower's one second."""
    return dict(cluster.get("/api/workers?refresh=1").get(WORKER, {}))


def test_flower_shows_the_worker_online(cluster: Cluster) -> None:
    assert until(lambda: cluster.get("/api/workers?status=1").get(WORKER)) is True
    worker = until(lambda: w if (w := refreshed(cluster)).keys() >= {"stats", "active_queues"} else None)
    assert worker["stats"]["pool"]["max-concurrency"] == 4
    assert {queue["name"] for queue in worker["active_queues"]} == {queues.TRIGGER, queues.EVENTS}


def test_flower_can_ask_again_and_again(cluster: Cluster) -> None:
    for _ in range(3):
        assert WORKER in cluster.get(f"/api/workers?refresh=1&workername={WORKER}")


def test_flower_lists_a_task_that_ran_with_its_outcome(cluster: Cluster) -> None:
    trace = cluster.directory / "flower-trace.txt"
    succeeded = cluster.account.send("ems.deliver_email", queues.TRIGGER, trace=str(trace))
    failed = cluster.account.send("ems.deliver_email", queues.TRIGGER, trace=str(trace), fail=True)
    until(lambda: cluster.get("/api/tasks").get(succeeded, {}).get("state") == "SUCCESS")
    task = until(lambda: t if (t := cluster.get("/api/tasks").get(failed, {})).get("state") == "FAILURE" else None)
    assert task["worker"] == WORKER
    assert task["exception"] == "RuntimeError('told to fail')"


def test_inspect_answers_on_the_command_line(cluster: Cluster) -> None:
    assert cluster.inspect("stats")[WORKER]["pool"]["implementation"] == "celery.concurrency.thread:TaskPool"


def test_ping_needs_no_default_region_and_leaves_no_queue_behind(cluster: Cluster) -> None:
    before = set(cluster.account.temporary_queues())
    assert cluster.inspect("ping", without="AWS_DEFAULT_REGION") == {WORKER: {"ok": "pong"}}
    assert set(cluster.account.temporary_queues()) <= before


def test_an_sns_notification_without_celerys_envelope_becomes_a_tracking_task(cluster: Cluster) -> None:
    trace = cluster.directory / "event-trace.txt"
    url = cluster.account.url(queues.EVENTS)
    notification = json.dumps({"Type": "Notification", "Message": "{}", "MessageId": "abc"})
    ses_json = json.dumps({"eventType": "Delivery", "mail": {"messageId": "m-1"}})
    for body in (notification, ses_json):
        cluster.account.sqs.send_message(QueueUrl=url, MessageBody=f"{trace}\n{body}")
    until(lambda: trace.exists() and sorted(trace.read_text().splitlines()) == sorted([notification, ses_json]))
    until(lambda: cluster.account.counts(queues.EVENTS) == (0, 0))


def test_kombus_own_base64_envelope_is_read_too(cluster: Cluster) -> None:
    trace = cluster.directory / "base64-trace.txt"
    url = cluster.account.url(queues.TRIGGER)
    cluster.account.send("ems.deliver_email", queues.WAIT, trace=str(trace))
    plain = cluster.account.sqs.receive_message(QueueUrl=cluster.account.url(queues.WAIT))["Messages"][0]
    cluster.account.sqs.delete_message(QueueUrl=cluster.account.url(queues.WAIT), ReceiptHandle=plain["ReceiptHandle"])
    cluster.account.sqs.send_message(QueueUrl=url, MessageBody=base64.b64encode(plain["Body"].encode()).decode())
    until(lambda: trace.exists() and trace.read_text() == "start\nend\n")


def test_a_message_of_no_known_form_is_left_to_the_redrive_policy_and_stops_nothing(cluster: Cluster) -> None:
    trace = cluster.directory / "after-poison.txt"
    url = cluster.account.url(queues.TRIGGER)
    cluster.account.sqs.send_message(QueueUrl=url, MessageBody="secret words of a person")
    cluster.account.send("ems.deliver_email", queues.TRIGGER, trace=str(trace))
    until(lambda: trace.exists() and trace.read_text() == "start\nend\n")
    until(lambda: "is refused" in (cluster.directory / "worker.log").read_text())
    assert "secret words" not in (cluster.directory / "worker.log").read_text()
    _waiting, in_flight = cluster.account.counts(queues.TRIGGER)
    assert in_flight >= 1
