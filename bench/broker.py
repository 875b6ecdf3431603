"""How fast a worker takes tasks from the queue, and at what cost: EMS's transport beside kombu's own.

Run ``python bench/broker.py`` (`make bench-broker`). For each transport and each distance of the broker it publishes
tasks to a fresh SQS and lets one worker process run them all, then watches the worker idle. Prints one table and writes
``.var/bench/broker.json``. SQS shares the machine with the worker, so compare the rows with each other; the CPU is the
worker's alone.
"""

import argparse
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from broker_stage import Stage, Worker, stage
from rich.console import Console
from rich.table import Table

OUTPUT = Path(__file__).parents[1] / ".var" / "bench" / "broker.json"
TASKS = {"ems": 4000}
FEWER_TASKS = 600
"""For kombu's transport, which takes long over them; a short queue does it no harm."""

RECEIVE = "ReceiveMessage"
COLUMNS = ("transport", "broker", "published/s", "tasks/s", "factor", "calls/task", "CPU ms/task", "idle polls/min")
SETTLE_SECONDS = 5
"""Before the idle worker is watched: the polls that follow its work are over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One transport at one distance. Idle receives are of all the queues that a worker process reads."""

    transport: str
    milliseconds: float
    tasks: int
    published_per_second: float
    tasks_per_second: float
    calls_per_task: float
    cpu_ms_per_task: float
    idle_receives_per_minute: float | None = None
    idle_cpu_percent: float | None = None


def main() -> None:
    """Measure each transport at each distance."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--transports", nargs="+", default=["kombu", "ems"], help="kombu, kombu-default, ems")
    parser.add_argument("--milliseconds", type=float, nargs="+", default=[0, 5, 20], help="the broker's round trip")
    parser.add_argument("--threads", type=int, default=24)
    parser.add_argument("--tasks", type=int, help="for every transport alike")
    parser.add_argument("--idle-seconds", type=float, default=60, help="how long idle workers are watched, or 0")
    options = parser.parse_args()
    rows = []
    for milliseconds in options.milliseconds:
        for transport in options.transports:
            tasks = options.tasks or TASKS.get(transport, FEWER_TASKS)
            # An idle worker costs the same at any distance.
            idle_seconds = options.idle_seconds if milliseconds == options.milliseconds[0] else 0
            rows.append(measure(transport, milliseconds, tasks, threads=options.threads, idle_seconds=idle_seconds))
    Console(width=140).print(table(rows))
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(json.dumps([asdict(row) for row in rows], indent=1))


def measure(transport: str, milliseconds: float, tasks: int, *, threads: int, idle_seconds: float) -> Row:
    """Publish *tasks*, and let one worker run them."""
    with stage(milliseconds=milliseconds, transport=transport, tasks=tasks) as there:
        published = there.run("broker_publish.py")
        before = there.broker.calls()
        with there.worker(threads=threads) as worker:
            noted = worker.noted()
            time.sleep(1)  # for the last acknowledgements
            calls = there.calls_between(before)
            receives, cpu = watch_idle(there, worker, idle_seconds) if idle_seconds else (None, None)
    return Row(
        transport=transport,
        milliseconds=milliseconds,
        tasks=tasks,
        published_per_second=tasks / published["seconds"],
        tasks_per_second=tasks / noted["seconds"],
        calls_per_task=calls.total() / tasks,
        cpu_ms_per_task=noted["cpu_seconds"] / tasks * 1000,
        idle_receives_per_minute=receives,
        idle_cpu_percent=cpu,
    )


def watch_idle(there: Stage, worker: Worker, seconds: float) -> tuple[float, float]:
    """Return the polls a minute of a worker that has nothing to do, and its CPU as a share of one core."""
    time.sleep(SETTLE_SECONDS)
    before, cpu = there.broker.calls(), worker.cpu_seconds()
    time.sleep(seconds)
    receives = there.calls_between(before)[RECEIVE]
    return receives / seconds * 60, (worker.cpu_seconds() - cpu) / seconds * 100


def table(rows: list[Row]) -> Table:
    """Lay the rows out for people; the factor is to the first transport at the same distance."""
    printed = Table(title="one worker process, tasks that do nothing")
    for column in COLUMNS:
        printed.add_column(column, justify="left" if column == "transport" else "right")
    for row in rows:
        first = next(other for other in rows if other.milliseconds == row.milliseconds)
        idle = row.idle_receives_per_minute
        printed.add_row(
            row.transport,
            f"{row.milliseconds:g} ms",
            f"{row.published_per_second:.0f}",
            f"{row.tasks_per_second:.0f}",
            f"{row.tasks_per_second / first.tasks_per_second:.1f}",
            f"{row.calls_per_task:.2f}",
            f"{row.cpu_ms_per_task:.2f}",
            "" if idle is None else f"{idle:.1f}",
        )
    return printed


if __name__ == "__main__":
    main()
