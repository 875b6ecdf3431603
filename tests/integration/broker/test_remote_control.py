"""What an operator does with workers through Flower, over SQS and SNS alone, with real processes."""

import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from ems import queues
from ems.broker.temporary import ALIVE_UNTIL_TAG
from tests.integration.broker.cluster import THREADS, WORKER, Cluster, running_cluster
from tests.integration.broker.conftest import Account, celery, until

pytestmark = pytest.mark.processes

ADDRESS = "ada@example.com"


@pytest.fixture(scope="module")
def cluster(account: Account, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running_cluster(account, tmp_path_factory.mktemp("cluster")) as cluster:
        cluster.knows(WORKER)
        yield cluster


@contextmanager
def held(cluster: Cluster, directory: Path, number: int) -> Iterator[list[str]]:
    """Have tasks that are not done before the end of the block; yields their ids once as many run as there is room."""
    release, trace = directory / "release", directory / "trace"
    ids = [
        cluster.account.send("ems.deliver_email", queues.TRIGGER, trace=str(trace), wait_for=str(release), to=ADDRESS)
        for _ in range(number)
    ]
    room = min(number, THREADS)
    try:
        until(lambda: trace.exists() and trace.read_text().count("start") == room)
        yield ids
    finally:
        release.touch()
    until(lambda: trace.read_text().count("end") == number)


def test_a_grown_pool_takes_more_at_once_and_a_shrunk_one_less(cluster: Cluster, tmp_path: Path) -> None:
    with held(cluster, tmp_path, THREADS + 1):
        assert cluster.post(f"/worker/pool/grow/{WORKER}", n=1).json() == {
            "message": f"Growing '{WORKER}' worker's pool by 1"
        }
        until(lambda: (tmp_path / "trace").read_text().count("start") == THREADS + 1)
    until(lambda: cluster.about()["stats"]["pool"]["max-concurrency"] == THREADS + 1)
    assert cluster.post(f"/worker/pool/shrink/{WORKER}", n=1).status_code == 200
    until(lambda: cluster.about()["stats"]["pool"]["max-concurrency"] == THREADS)


def test_a_pool_that_would_lose_its_last_thread_says_why_it_stays(cluster: Cluster) -> None:
    refused = cluster.post(f"/worker/pool/shrink/{WORKER}", n=THREADS)
    assert refused.status_code == 403
    assert "must keep one" in refused.text


def test_what_a_worker_has_in_hand_is_told_without_addresses(cluster: Cluster, tmp_path: Path) -> None:
    with held(cluster, tmp_path, 2) as ids:
        about = until(lambda: a if len((a := cluster.about()).get("active", [])) == 2 else None)
        assert {task["id"] for task in about["active"]} == set(ids)
        on_the_command_line = cluster.inspect("active")
    assert {task["id"] for task in on_the_command_line[WORKER]} == set(ids)
    told = json.dumps([about, on_the_command_line, cluster.get("/api/tasks")])
    assert set(ids) <= set(told.split('"'))
    assert ADDRESS not in told


def test_a_rate_limit_can_be_set_and_lifted(cluster: Cluster) -> None:
    for limit in ("100/s", "0"):
        answer = cluster.post("/task/rate-limit/ems.deliver_email", ratelimit=limit, workername=WORKER)
        assert answer.json() == {"message": "new rate limit set successfully"}
        until(lambda: f"rate_limit={limit}" in str(cluster.about()["registered"]))  # noqa: B023


def test_a_worker_takes_up_another_queue_and_leaves_it(cluster: Cluster, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    cluster.account.send("ems.drain", queues.CONTROL, trace=str(trace))
    assert cluster.post(f"/worker/queue/add-consumer/{WORKER}", queue=queues.CONTROL).status_code == 200
    until(lambda: trace.exists() and trace.read_text() == "start\nend\n")
    assert cluster.post(f"/worker/queue/cancel-consumer/{WORKER}", queue=queues.CONTROL).status_code == 200
    until(lambda: queues.CONTROL not in str(cluster.about()["active_queues"]))


def test_a_worker_that_is_shut_down_ends_politely_and_goes_offline_as_does_one_that_was_killed(
    cluster: Cluster,
) -> None:
    for name in ("shut@test", "killed@test"):
        cluster.start_worker(name, queue=queues.CONTROL, threads=1)
        cluster.knows(name)
    cluster.workers["killed@test"].send_signal(signal.SIGKILL)
    assert cluster.post("/worker/shutdown/shut@test").status_code == 200
    assert cluster.workers["shut@test"].wait(20) == 0
    until(lambda: cluster.online("shut@test") is False)
    until(lambda: cluster.online("killed@test") is False)
    assert cluster.online(WORKER) is True


def test_a_new_worker_clears_away_the_dead_and_one_that_only_slept_comes_back(cluster: Cluster) -> None:
    """The killed worker is that of the test before."""
    account, sleeper = cluster.account, cluster.workers[WORKER]
    boxes = {account.consumer_of(url): url for url in account.temporary_queues()}
    gone = [boxes["killed@test.ems.pidbox"], boxes[f"{WORKER}.ems.pidbox"]]
    sleeper.send_signal(signal.SIGSTOP)
    for url in gone:
        account.sqs.tag_queue(QueueUrl=url, Tags={ALIVE_UNTIL_TAG: "1"})  # as after a quarter of an hour
    cluster.post("/task/revoke/nobody")  # a message in its mailbox ends the poll under way
    cluster.start_worker("fresh@test", queue=queues.CONTROL, threads=1)
    assert not set(gone) & set(account.temporary_queues())
    woken_at = time.time()
    sleeper.send_signal(signal.SIGCONT)
    until(lambda: cluster.about().get("timestamp", 0) > woken_at)
    assert f"{WORKER}.ems.pidbox" in {account.consumer_of(url) for url in account.temporary_queues()}


def test_flower_tells_prometheus_what_it_sees(cluster: Cluster) -> None:
    task = cluster.account.send("ems.deliver_email", queues.TRIGGER, trace=str(cluster.directory / "metrics.txt"))
    until(lambda: cluster.task(task).get("state") == "SUCCESS")
    metrics = requests.get(f"{cluster.flower_url}/metrics", timeout=10).text
    assert f'flower_worker_online{{worker="{WORKER}"}} 1.0' in metrics
    assert f'flower_events_total{{task="ems.deliver_email",type="task-succeeded",worker="{WORKER}"}}' in metrics
    assert f'flower_task_runtime_seconds_count{{task="ems.deliver_email",worker="{WORKER}"}}' in metrics


def test_events_and_control_work_on_the_command_line(cluster: Cluster, tmp_path: Path) -> None:
    dump, answers = tmp_path / "events.log", tmp_path / "control.log"
    environment = cluster.account.environment
    events = celery(environment, "events", "--dump", log=dump)
    until(lambda: "heartbeat" in dump.read_text())
    words = ("rate_limit", "ems.deliver_email", "50/s")
    control = celery(environment, "control", "--timeout", "5", "-d", WORKER, *words, log=answers)
    assert control.wait(20) == 0
    assert "new rate limit set successfully" in answers.read_text()
    task = cluster.account.send("ems.deliver_email", queues.TRIGGER, trace=str(tmp_path / "trace"), to=ADDRESS)
    until(lambda: f"task succeeded: ems.deliver_email({task})" in dump.read_text())
    assert ADDRESS not in dump.read_text()
    events.send_signal(signal.SIGINT)  # Ctrl-C, which is how people end it
    events.wait(20)
