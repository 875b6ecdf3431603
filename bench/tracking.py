"""How fast SES events are counted, at what cost, and whether killing the workers costs a count.

Run ``python bench/tracking.py`` (`make bench-tracking`)::

    python bench/tracking.py --events 20000 --workers 2 --kill-every 3

Puts events of a batch into ``email-events`` of an embedded SQS, in groups of ten as the webhook makes them, in random
order and some of them twice, lets worker processes of the Procfile count them, and ends one by SIGKILL every few
seconds if asked. Then it compares the counters with what was put in and has ``ems audit`` recount the rows. Prints one
table and writes ``.var/bench/tracking.json``; exits with 1 when a count is wrong.

SQS and DynamoDB are embedded and share the machine, so compare the rows with each other. ``calls`` and ``tracker CPU``
are of one thread that applies 1,000 of the events in groups of ten by itself.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
from account import account
from procfile import command_of
from rich.console import Console
from rich.table import Table
from tracking_events import CAMPAIGN, Sample, sample

from ems import queues
from ems.aws.sqs import OutgoingMessage
from ems.store.counters import Scope
from ems.tracking.events import parse
from ems.tracking.gather import track_message
from ems.wiring import Services

REPOSITORY = Path(__file__).parents[1]
OUTPUT = REPOSITORY / ".var" / "bench" / "tracking.json"
GROUP = 10
ALONE = 1_000
PATIENCE_SECONDS = 900
VISIBILITY_SECONDS = 30
"""How long a killed worker's messages stay hidden; production has 120."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One run. ``cpu_ms_an_event`` is of all workers, None when some were killed and took theirs along."""

    events: int
    mails: int
    workers: int
    killed: int
    events_a_second: float
    cpu_ms_an_event: float | None
    tracker_cpu_ms_an_event: float
    calls_an_event: float
    wrong_counts: int
    audit: str


class Workers:
    """Processes of the Procfile's line ``events``, of which one after the other may be killed."""

    def __init__(self, number: int, log: Path) -> None:
        self._command = command_of("events")
        self._log = log
        self._running = [self._start() for _ in range(number)]
        self.killed = 0

    def wait_until_ready(self) -> None:
        """Return when all take messages."""
        while self._log.read_text().count(" ready.") < len(self._running):
            time.sleep(0.2)

    def kill_one(self) -> None:
        """End the oldest as a crash does, and start another."""
        self._end(self._running.pop(0))
        self.killed += 1
        self._running.append(self._start())

    def cpu_seconds(self) -> float:
        """Return what those that run now have used."""
        times = (psutil.Process(one.pid).cpu_times() for one in self._running)
        return sum(one.user + one.system for one in times)

    def stop(self) -> None:
        """End them all."""
        while self._running:
            self._end(self._running.pop())

    def _start(self) -> "subprocess.Popen[bytes]":
        with self._log.open("ab") as log:
            return subprocess.Popen(
                ["/bin/sh", "-c", self._command], cwd=REPOSITORY, stdout=log, stderr=log, start_new_session=True
            )

    def _end(self, process: "subprocess.Popen[bytes]") -> None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def measure(events: int, *, workers: int, kill_every: float | None, seed: int) -> Figures:
    """Count *events* once."""
    variables = {"EMS_VISIBILITY_TIMEOUT_SECONDS": str(VISIBILITY_SECONDS), "EMS_TASK_EVENTS": "0"}
    with tempfile.TemporaryDirectory() as directory, account(Path(directory), **variables) as (_aws, services):
        calls, tracker_cpu = applied_alone(services)
        made = sample(events, dice=random.Random(seed))  # noqa: S311 - a sample
        started = Workers(workers, Path(directory) / "events.log")
        try:
            started.wait_until_ready()
            cpu_before, began = started.cpu_seconds(), time.monotonic()
            enqueue(services, made)
            drain(services, started, kill_every)
            seconds = time.monotonic() - began
            cpu = None if started.killed else (started.cpu_seconds() - cpu_before) * 1000 / events
        finally:
            started.stop()
        shown = services.stats_store.total(Scope("campaign", CAMPAIGN)).counts
        wrong = {name for name in {*made.expected} if made.expected[name] != shown.get(name, 0)}
        [verdict] = services.auditor.everything()
        for broken in verdict.breaks[:10]:
            print(broken)
        return Figures(
            events=events,
            mails=made.mails,
            workers=workers,
            killed=started.killed,
            events_a_second=round(events / seconds),
            cpu_ms_an_event=None if cpu is None else round(cpu, 2),
            tracker_cpu_ms_an_event=round(tracker_cpu, 2),
            calls_an_event=round(calls, 2),
            wrong_counts=len(wrong),
            audit="sound" if verdict.sound else "BROKEN",
        )


def applied_alone(services: Services) -> tuple[float, float]:
    """Apply some events in this thread; return calls to DynamoDB and milliseconds of CPU for each."""
    made = sample(ALONE, dice=random.Random(0), campaign="alone")  # noqa: S311 - a sample
    calls: Counter[str] = Counter()
    client = services.tables.connection.client
    client.meta.events.register("before-send.dynamodb", lambda **_: calls.update(["calls"]))
    began = time.process_time()
    for group in made.groups(GROUP):
        services.tracker.apply(*(event for text in group for event in parse(text)))
    return calls.total() / ALONE, (time.process_time() - began) * 1000 / ALONE


def enqueue(services: Services, made: Sample) -> None:
    """Put all events into the queue."""
    messages = [OutgoingMessage(track_message(group, label="bench").body()) for group in made.groups(GROUP)]
    services.sqs.send(queues.EVENTS, messages)


def drain(services: Services, workers: Workers, kill_every: float | None) -> None:
    """Return when the queue holds nothing, in hand or not; kill a worker every so often as long as it does."""
    began = last = time.monotonic()
    while True:
        depth = services.sqs.depth(queues.EVENTS)
        if depth.visible + depth.in_flight + depth.delayed == 0:
            return
        now = time.monotonic()
        if now - began > PATIENCE_SECONDS:
            raise SystemExit(f"{depth} after {PATIENCE_SECONDS} s")
        if kill_every is not None and depth.visible and now - last > kill_every:
            workers.kill_one()
            last = time.monotonic()
        time.sleep(0.2)


def main() -> None:
    """Measure without kills and with them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--kill-every", type=float, help="seconds; without it nobody is killed")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rows = [
        measure(options.events, workers=number, kill_every=options.kill_every, seed=options.seed)
        for number in options.workers
    ]
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")
    table = Table(*(name.replace("_", " ") for name in Figures.__slots__))
    for row in rows:
        table.add_row(*("-" if value is None else str(value) for value in asdict(row).values()))
    Console(width=170).print(table)
    raise SystemExit(any(row.wrong_counts or row.audit != "sound" for row in rows))


if __name__ == "__main__":
    main()
