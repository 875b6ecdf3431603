"""A worker and Flower beside it, for the tests that look at the one through the other."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from ems import queues
from ems.local.launcher import free_port
from tests.integration.broker.conftest import Account, celery, stop, until

WORKER = "seen@test"
THREADS = 4


@dataclass
class Cluster:
    """The account, Flower on it, and the workers that it sees."""

    account: Account
    flower_url: str
    directory: Path
    workers: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def start_worker(self, name: str, *, queue: str, threads: int) -> None:
        log = self.directory / f"{name}.log"
        options = ("-n", name, "-c", str(threads), "-Q", queue, "-l", "INFO", "--heartbeat-interval", "1")
        self.workers[name] = celery(self.account.environment, "worker", *options, log=log)
        until(lambda: b"ready." in log.read_bytes())

    def get(self, path: str) -> Any:
        response = requests.get(f"{self.flower_url}{path}", timeout=10)
        response.raise_for_status()
        return response.json()

    def post(self, path: str, **arguments: Any) -> "requests.Response":
        """Ask Flower's API to do something."""
        return requests.post(f"{self.flower_url}/api{path}", data=arguments, timeout=10)

    def online(self, worker: str) -> bool | None:
        """Whether Flower takes a worker for alive; None when it has never seen it."""
        alive: bool | None = self.get("/api/workers?status=1").get(worker)
        return alive

    def about(self, worker: str = WORKER) -> dict[str, Any]:
        """What Flower knows after asking once more; on a busy machine an answer can miss Flower's time."""
        answer = requests.get(f"{self.flower_url}/api/workers", params={"refresh": 1, "workername": worker}, timeout=10)
        return dict(answer.json().get(worker, {})) if answer.ok else {}

    def knows(self, worker: str) -> None:
        """Wait until Flower has heard of a worker and asked it about itself; before, it does nothing to it."""
        until(lambda: self.online(worker) and "stats" in self.about(worker))

    def task(self, task_id: str) -> dict[str, Any]:
        return dict(self.get("/api/tasks").get(task_id, {}))

    def inspect(self, command: str, *, without: str | None = None) -> dict[str, Any]:
        """Run ``celery inspect``, without one of the environment's variables."""
        environment = {name: value for name, value in self.account.environment.items() if name != without}
        log = self.directory / f"inspect-{command}.json"
        process = celery(environment, "inspect", command, "--json", "--timeout", "5", "-d", WORKER, log=log)
        assert process.wait(20) == 0
        return dict(json.loads(log.read_text()))


@contextmanager
def running_cluster(account: Account, directory: Path) -> Iterator[Cluster]:
    """One worker and Flower; all must be gone, with their queues, after a polite end.

    A worker that was killed leaves its own to the next sweep (test_temporary_queues).
    """
    before = account.temporary_queues()
    port = free_port()
    options = (f"--port={port}", "--address=127.0.0.1", "--inspect_timeout=2000", "--enable_events=False")
    flower = celery(account.environment, "flower", *options, log=directory / "flower.log")
    cluster = Cluster(account, f"http://127.0.0.1:{port}", directory)
    try:
        cluster.start_worker(WORKER, queue=f"{queues.TRIGGER},{queues.EVENTS}", threads=THREADS)
        until(lambda: b"Connected to" in (directory / "flower.log").read_bytes())
        yield cluster
    finally:
        codes = [stop(process) for process in (*cluster.workers.values(), flower) if process.poll() is None]
    assert set(codes) == {0}
    killed = [name for name, process in cluster.workers.items() if process.returncode == -signal.SIGKILL]
    left = {account.consumer_of(url) for url in set(account.temporary_queues()) - set(before)}
    assert left <= {f"{name}.ems.pidbox" for name in killed}
