"""What the broker's benchmarks share: an SQS of their own some way off, a publisher and a worker on it."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from latency import FarBroker

from ems import queues
from ems.local.launcher import LocalAws, free_port

HERE = Path(__file__).parent
PATIENCE_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Stage:
    """A fresh SQS with EMS's working queues behind *broker*, and a directory for what the processes say."""

    environment: dict[str, str]
    directory: Path
    broker: FarBroker

    def run(self, script: str, *arguments: str) -> Any:
        """Run one of the scripts beside this one; return what it printed, which is JSON."""
        command = [sys.executable, str(HERE / script), *arguments]
        return json.loads(subprocess.run(command, env=self.environment, check=True, capture_output=True).stdout)

    @contextmanager
    def worker(self, *, threads: int) -> Iterator["Worker"]:
        """Run one worker; it ends as by kill -9."""
        command = [sys.executable, "-m", "celery", "-A", "broker_app", "worker", "-P", "threads", "-c", str(threads)]
        log = self.directory / "worker.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*command, "-Q", queues.TRIGGER, "-l", "WARNING"],
                env=self.environment,
                cwd=self.directory,
                stdout=output,
                stderr=output,
            )
        try:
            yield Worker(process, log=log, note=self.directory / "note.json")
        finally:
            process.kill()
            process.wait()

    def calls_between(self, earlier: Counter[str]) -> Counter[str]:
        """Count the calls since *earlier*, by operation."""
        return self.broker.calls() - earlier


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker at work, and the note that it writes after the last of its tasks."""

    process: subprocess.Popen[bytes]
    log: Path
    note: Path

    def noted(self) -> Any:
        """Wait for the note.

        Raises:
            RuntimeError: The worker ended before, or took too long.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.note.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the worker did not finish:\n" + self.log.read_text())
            time.sleep(0.05)
        return json.loads(self.note.read_text())

    def cpu_seconds(self) -> float:
        """Return the CPU that it has used, from /proc (Linux)."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def stage(*, milliseconds: float = 0, **settings: object) -> Iterator[Stage]:
    """Start everything; *settings* become the variables ``BENCH_…`` of :mod:`broker_app`."""
    with (
        tempfile.TemporaryDirectory() as directory,
        LocalAws(aws_port=free_port(), ses_port=None, state_dir=Path(directory) / "aws") as local,
        FarBroker(port=local.aws_port, milliseconds=milliseconds) as broker,
    ):
        environment = {
            **os.environ,
            **local.environment(),
            "AWS_ENDPOINT_URL_SQS": broker.url,
            "PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parent)]),
            "BENCH_NOTE": str(Path(directory) / "note.json"),
            **{f"BENCH_{name.upper()}": str(value) for name, value in settings.items()},
        }
        _create_queues(environment, local.aws_url)
        yield Stage(environment, Path(directory), broker)


def _create_queues(environment: dict[str, str], url: str) -> None:
    sqs = boto3.session.Session().client(
        "sqs",
        region_name=environment["AWS_REGION"],
        endpoint_url=url,
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )
    for queue in queues.CELERY_QUEUES:
        sqs.create_queue(QueueName=queue, Attributes={"VisibilityTimeout": "120"})
