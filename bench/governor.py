"""How the governor keeps the line: processes x threads lease against the embedded DynamoDB, with no SES behind it.

Prints one table and one JSON line::

    python bench/governor.py --processes 2 --threads 16 --rate 100 --seconds 10

``used`` is the share of the limit that was leased, ``fullest second`` the most recipients whose calls were let go
within any second (by the time at which ``lease`` returned), ``requests per lease`` counts refused ones too.
"""

import argparse
import json
import multiprocessing
import os
import tempfile
import time
from bisect import bisect_left
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import accumulate
from multiprocessing.synchronize import Barrier
from pathlib import Path

from ems.errors import UnavailableError
from ems.governor.governor import Governor
from ems.governor.policy import Policy
from ems.local.launcher import LocalAws, free_port
from ems.settings import Settings
from ems.store.rate import DynamoRateStore, connect
from ems.store.tables import bind

WARM_UP_SECONDS = 0.5
_ready: list[Barrier] = []


@dataclass(frozen=True, slots=True)
class Job:
    """One process's part. ``latency`` is how many seconds a call to SES would take."""

    seconds: float
    threads: int
    urgent_every: float | None
    call_size: int
    latency: float
    policy: Policy


@dataclass(frozen=True, slots=True)
class Report:
    """What one process saw: (woke at, recipients) per lease, waits in seconds, and the governor's tally."""

    woke: list[tuple[float, int]]
    bulk_waits: list[float]
    urgent_waits: list[float]
    requests: int
    conflicts: int
    missed: int
    cpu: float


def prepare(ready: Barrier) -> None:
    """Keep the barrier at which all processes start together; runs once in each."""
    _ready.append(ready)


def no_account() -> object:
    """Stand in for GetAccount: the rate is set."""
    raise UnavailableError("SES", "not part of this benchmark")


def work(job: Job) -> Report:
    """Lease from every thread until the end."""
    governor = Governor(
        DynamoRateStore(connect(Settings()), bind(Settings()).rate.Meta.table_name), no_account, job.policy
    )
    governor.call_size()
    _ready[0].wait()
    begin, end = time.time(), time.time() + job.seconds
    woke: list[tuple[float, int]] = []
    waits: dict[str, list[float]] = {"bulk": [], "transactional": []}

    def lease(size: int, lane: str) -> None:
        asked = time.time()
        governor.lease(size, lane=lane)
        now = time.time()
        woke.append((now, size))
        waits[lane].append(now - asked)
        time.sleep(job.latency)

    def bulk(_: int) -> None:
        while time.time() < end:
            lease(job.call_size, "bulk")

    def urgent(every: float) -> None:
        due = begin
        while due < end:
            time.sleep(max(0.0, due - time.time()))
            lease(1, "transactional")
            due += every

    cpu = time.process_time()
    with ThreadPoolExecutor(job.threads + 1) as threads:
        tasks = [threads.submit(bulk, thread) for thread in range(job.threads)]
        if job.urgent_every:
            tasks.append(threads.submit(urgent, job.urgent_every))
        for task in tasks:
            task.result()
    tally = governor.tally
    return Report(
        woke, waits["bulk"], waits["transactional"], tally.requests, tally.conflicts, tally.missed_slots,
        time.process_time() - cpu,
    )  # fmt: skip


def fullest_second(woke: list[tuple[float, int]]) -> int:
    """Return the most recipients within any second."""
    times = [moment for moment, _ in woke]
    sums = [0, *accumulate(size for _, size in woke)]
    return max(sums[bisect_left(times, moment + 1)] - sums[index] for index, moment in enumerate(times))


def percentile(values: list[float], share: float) -> float | None:
    """Return the value below which *share* of the values lie, in milliseconds."""
    return round(sorted(values)[min(len(values) - 1, int(len(values) * share))] * 1000, 1) if values else None


def summary(reports: list[Report], *, rate: float, seconds: float) -> dict[str, object]:
    """Add up what the processes saw."""
    woke = sorted(lease for report in reports for lease in report.woke)
    begin = woke[0][0] + WARM_UP_SECONDS
    steady = [(moment, size) for moment, size in woke if begin <= moment < begin + seconds]
    bulk = [wait for report in reports for wait in report.bulk_waits]
    urgent = [wait for report in reports for wait in report.urgent_waits]
    requests = sum(report.requests for report in reports)
    return {
        "used": round(sum(size for _, size in steady) / seconds / rate, 3),
        "fullest_second": fullest_second(steady),
        "leases": len(woke),
        "requests_per_lease": round(requests / len(woke), 3),
        "refused_requests": sum(report.conflicts for report in reports),
        "missed_slots": sum(report.missed for report in reports),
        "bulk_wait_ms_p50": percentile(bulk, 0.5),
        "bulk_wait_ms_p99": percentile(bulk, 0.99),
        "transactional_wait_ms_p50": percentile(urgent, 0.5),
        "transactional_wait_ms_p99": percentile(urgent, 0.99),
        "cpu_ms_per_lease": round(sum(report.cpu for report in reports) * 1000 / len(woke), 2),
    }


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--threads", type=int, default=16)
    parser.add_argument("--rate", type=float, default=100)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--call-size", type=int, default=None)
    parser.add_argument("--latency", type=float, default=0.05, help="seconds that a call to SES takes")
    parser.add_argument("--urgent", type=float, default=5, help="transactional mails a second")
    parser.add_argument("--tolerance", type=float, default=Policy().tolerance)
    parser.add_argument("--horizon", type=float, default=Policy().bulk_horizon)
    arguments = parser.parse_args()
    policy = Policy(max_send_rate=arguments.rate, tolerance=arguments.tolerance, bulk_horizon=arguments.horizon)
    with (
        tempfile.TemporaryDirectory() as scratch,
        LocalAws(aws_port=free_port(), ses_port=None, state_dir=Path(scratch)) as local,
    ):
        os.environ.update(local.environment())
        bind(Settings()).rate.create_table(wait=True)
        job = Job(
            seconds=arguments.seconds + 2 * WARM_UP_SECONDS,
            threads=arguments.threads,
            urgent_every=arguments.processes / arguments.urgent if arguments.urgent else None,
            call_size=arguments.call_size or policy.size_of_call(arguments.rate),
            latency=arguments.latency,
            policy=policy,
        )
        context = multiprocessing.get_context("spawn")
        ready = context.Barrier(arguments.processes)
        with context.Pool(arguments.processes, initializer=prepare, initargs=(ready,)) as pool:
            reports = pool.map(work, [job] * arguments.processes, chunksize=1)
    figures = summary(reports, rate=arguments.rate, seconds=arguments.seconds)
    print("\n".join(f"{name:28} {value}" for name, value in figures.items()))
    print(json.dumps({"arguments": vars(arguments), "policy": asdict(policy), **figures}))


if __name__ == "__main__":
    main()
