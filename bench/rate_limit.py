"""What Celery's ``rate_limit`` releases: EMS's worker beside a stock one.

Run ``python bench/rate_limit.py`` (`make bench-rate-limit`). For each limit it fills a fresh SQS with tasks that do
nothing and lets one worker process of each kind run them. Released is from the first task to the last. Prints one table
and writes ``.var/bench/rate_limit.json``.
"""

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from broker_stage import stage
from rich.console import Console
from rich.table import Table

OUTPUT = Path(__file__).parents[1] / ".var" / "bench" / "rate_limit.json"
SECONDS = 12
"""How long a worker that keeps to its limit takes over its tasks."""

MOST_TASKS = 4000
"""The embedded SQS is slower the more messages wait; then it would be what limits."""

PATIENT_TASKS = 60
"""For the stock worker, which takes far longer over them."""

WORKERS = {"stock": "kombu", "ems": "ems"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One worker at one limit, both in tasks a second."""

    worker: str
    limit: int
    tasks: int
    released: float
    cpu_ms_per_task: float

    @property
    def off_percent(self) -> float:
        """How far from the limit it is."""
        return (self.released / self.limit - 1) * 100


def main() -> None:
    """Measure each worker at each limit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", nargs="+", default=list(WORKERS), choices=WORKERS)
    parser.add_argument("--limits", type=int, nargs="+", default=[1, 10, 100, 1000], help="tasks a second")
    parser.add_argument("--threads", type=int, default=24)
    options = parser.parse_args()
    rows = [measure(worker, limit, threads=options.threads) for limit in options.limits for worker in options.workers]
    Console(width=140).print(table(rows))
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(json.dumps([asdict(row) for row in rows], indent=1))


def measure(worker: str, limit: int, *, threads: int) -> Row:
    """Let one worker run tasks under the limit."""
    tasks = min(limit * SECONDS + 1, MOST_TASKS if worker == "ems" else PATIENT_TASKS)
    with stage(transport=WORKERS[worker], tasks=tasks, rate_limit=f"{limit}/s") as there:
        there.run("broker_publish.py")
        with there.worker(threads=threads) as running:
            noted = running.noted()
    released = (tasks - 1) / noted["seconds"]
    cpu = noted["cpu_seconds"] / tasks * 1000
    return Row(worker=worker, limit=limit, tasks=tasks, released=released, cpu_ms_per_task=cpu)


def table(rows: list[Row]) -> Table:
    """Lay the rows out for people."""
    printed = Table(title="one worker process under Celery's rate_limit")
    for column in ("worker", "rate_limit", "released/s", "off by", "CPU ms/task"):
        printed.add_column(column, justify="left" if column == "worker" else "right")
    for row in rows:
        printed.add_row(
            row.worker,
            f"{row.limit}/s",
            f"{row.released:.2f}",
            f"{row.off_percent:+.1f} %",
            f"{row.cpu_ms_per_task:.2f}",
        )
    return printed


if __name__ == "__main__":
    main()
