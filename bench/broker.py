"""How fast a worker takes tasks from the queue, and at what cost: EMS's transport beside kombu's own.

Run ``python bench/broker.py``. It starts the embedded SQS, fills the queue, and lets one worker of each kind empty it.
Prints one table and writes ``.var/bench/broker.json``. SQS shares the machine with the worker, so compare the rows with
each other; the CPU is the worker's alone.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import boto3

from ems import messages, queues
from ems.local.launcher import LocalAws, free_port

HERE = Path(__file__).parent
OUTPUT = HERE.parent / ".var" / "bench" / "broker.json"
IDLE_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Result:
    """One row. Calls are requests to SQS and SNS; idle CPU is a share of one core."""

    transport: str
    threads: int
    tasks: int
    tasks_per_second: float
    calls_per_task: float
    cpu_ms_per_task: float
    idle_cpu_percent: float


def main() -> None:
    """Measure each transport at each number of threads."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", type=int, default=2000)
    parser.add_argument("--threads", type=int, nargs="+", default=[8, 24])
    parser.add_argument("--rate-limit", default="", help="Celery's rate_limit of the task, e.g. 100/s")
    parser.add_argument("--transports", nargs="+", default=["ems", "kombu"])
    options = parser.parse_args()
    results = []
    print(f"{'transport':14}{'threads':>8}{'tasks/s':>9}{'calls/task':>12}{'CPU ms/task':>13}{'idle CPU %':>12}")
    for transport in options.transports:
        for threads in options.threads:
            result = measure(transport, threads, options.tasks, rate_limit=options.rate_limit)
            results.append(result)
            print(
                f"{transport:14}{threads:>8}{result.tasks_per_second:>9.0f}{result.calls_per_task:>12.2f}"
                f"{result.cpu_ms_per_task:>13.2f}{result.idle_cpu_percent:>12.1f}"
            )
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(json.dumps([asdict(result) for result in results], indent=1))


def measure(transport: str, threads: int, tasks: int, *, rate_limit: str) -> Result:
    """Let one worker empty a queue of *tasks* on a fresh SQS."""
    with (
        tempfile.TemporaryDirectory() as directory,
        LocalAws(aws_port=free_port(), ses_port=None, state_dir=Path(directory) / "aws") as local,
    ):
        note = Path(directory) / "note.json"
        environment = {
            **os.environ,
            **local.environment(),
            "PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parent)]),
            "BENCH_TRANSPORT": transport,
            "BENCH_NOTE": str(note),
            "BENCH_TASKS": str(tasks),
            "BENCH_RATE_LIMIT": rate_limit,
        }
        fill(local, tasks)
        with worker(environment, threads, Path(directory)) as process:
            while not note.exists() or not note.read_text():
                if process.poll() is not None:
                    raise RuntimeError("the worker ended:\n" + (Path(directory) / "worker.log").read_text())
                time.sleep(0.2)
            time.sleep(2)
            before = cpu_seconds(process.pid)
            time.sleep(IDLE_SECONDS)
            idle = (cpu_seconds(process.pid) - before) / IDLE_SECONDS * 100
        noted = json.loads(note.read_text())
    return Result(
        transport=transport,
        threads=threads,
        tasks=tasks,
        tasks_per_second=tasks / noted["seconds"],
        calls_per_task=noted["calls"] / tasks,
        cpu_ms_per_task=noted["cpu_seconds"] / tasks * 1000,
        idle_cpu_percent=idle,
    )


def fill(local: LocalAws, tasks: int) -> None:
    """Put *tasks* messages into the queue, as EMS's publisher writes them."""
    environment = local.environment()
    sqs = boto3.session.Session().client(
        "sqs",
        region_name=environment["AWS_REGION"],
        endpoint_url=environment["AWS_ENDPOINT_URL_SQS"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )
    for queue in queues.CELERY_QUEUES:
        sqs.create_queue(QueueName=queue, Attributes={"VisibilityTimeout": "120"})
    url = sqs.get_queue_url(QueueName=queues.TRIGGER)["QueueUrl"]
    for start in range(0, tasks, 10):
        bodies = [
            messages.TaskMessage(messages.DELIVER_EMAIL, {"email_id": str(i)}, label=f"email={i}").body()
            for i in range(start, min(start + 10, tasks))
        ]
        sqs.send_message_batch(
            QueueUrl=url, Entries=[{"Id": str(i), "MessageBody": body} for i, body in enumerate(bodies)]
        )


@contextmanager
def worker(environment: dict[str, str], threads: int, directory: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run one worker; what it says goes to ``worker.log``."""
    command = [sys.executable, "-m", "celery", "-A", "broker_app", "worker", "-P", "threads", "-c", str(threads)]
    with (directory / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "-Q", queues.TRIGGER, "-l", "WARNING"], env=environment, cwd=directory, stdout=log, stderr=log
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()


def cpu_seconds(pid: int) -> float:
    """Return the CPU that a process has used, from /proc (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
