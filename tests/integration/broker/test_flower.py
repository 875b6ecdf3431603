"""Flower and remote control over SQS and SNS alone, with real processes."""

import base64
import json
from collections.abc import Iterator

import pytest

from ems import queues
from tests.integration.broker.cluster import THREADS, WORKER, Cluster, running_cluster
from tests.integration.broker.conftest import Account, until

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def cluster(account: Account, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    directory = tmp_path_factory.mktemp("cluster")
    with running_cluster(account, directory) as cluster:
        yield cluster
    assert {path.suffix for path in directory.iterdir()} <= {".log", ".json", ".txt"}


def test_flower_shows_the_worker_online(cluster: Cluster) -> None:
    assert until(lambda: cluster.online(WORKER)) is True
    worker = until(lambda: w if (w := cluster.about()).keys() >= {"stats", "active_queues"} else None)
    assert worker["stats"]["pool"]["max-concurrency"] == THREADS
    assert {queue["name"] for queue in worker["active_queues"]} == {queues.TRIGGER, queues.EVENTS}


def test_flower_can_ask_again_and_again(cluster: Cluster) -> None:
    for _ in range(3):
        assert WORKER in cluster.get(f"/api/workers?refresh=1&workername={WORKER}")


def test_flower_lists_a_task_that_ran_with_its_outcome(cluster: Cluster) -> None:
    trace = cluster.directory / "flower-trace.txt"
    succeeded = cluster.account.send("ems.deliver_email", queues.TRIGGER, trace=str(trace))
    failed = cluster.account.send("ems.deliver_email", queues.TRIGGER, trace=str(trace), fail=True)
    until(lambda: cluster.task(succeeded).get("state") == "SUCCESS")
    task = until(lambda: t if (t := cluster.task(failed)).get("state") == "FAILURE" else None)
    assert task["worker"] == WORKER
    assert task["exception"] == "RuntimeError('told to fail')"


def test_inspect_answers_on_the_command_line(cluster: Cluster) -> None:
    assert cluster.inspect("stats")[WORKER]["pool"]["implementation"] == "ems.broker.pool:TaskPool"


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
    until(lambda: "is refused" in (cluster.directory / f"{WORKER}.log").read_text())
    assert "secret words" not in (cluster.directory / f"{WORKER}.log").read_text()
    _waiting, in_flight = cluster.account.counts(queues.TRIGGER)
    assert in_flight >= 1
