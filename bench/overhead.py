"""What being seen costs: a campaign with Flower's events and scraped metrics, and one without, in turns.

Prints one table and one JSON line::

    python bench/overhead.py --turns 3

The rate is one that this machine cannot reach, so whatever costs CPU costs sending. ``on`` sends task events and has
every process scraped each five seconds, ``off`` has neither (``EMS_TASK_EVENTS=0``, ``EMS_METRICS_PORT=0``). Counters
count in both; what that takes is measured by itself and shown as its share of a recipient's CPU.
"""

import argparse
import io
import json
import os
import tempfile
import threading
import time
import timeit
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import urllib3
from prometheus_client import CollectorRegistry
from rich.console import Console
from rich.table import Table
from usage import EMS, Usage, usage

from ems import logs, queues
from ems.aws.ses import Mail, Template
from ems.aws.ses_answers import Accepted, Outcome
from ems.local.api import Api
from ems.local.client import SimulatorClient
from ems.local.stack import Stack
from ems.metrics.sending import SendingMetrics, WatchedMailer
from ems.metrics.tracking import TrackingMetrics
from ems.settings import Settings
from ems.store.status import Status
from ems.tracking.apply import Applied
from ems.tracking.apply import Outcome as Effect
from ems.tracking.events import parse
from ems.wiring import Services

SCRAPE_SECONDS = 5.0
PATIENCE_SECONDS = 120
LOOKS = 3
"""How often in a row the queue must be empty: SQS's numbers are approximate."""
EVENTS_A_MAIL = 3
REPETITIONS = 5_000
TEMPLATE = {"subject": "{{name}}", "text": "Dear {{name}}"}


@dataclass(frozen=True, slots=True)
class Run:
    """One campaign: recipients a second at SES, and CPU milliseconds for each of them, of senders and of all of EMS."""

    rate: float
    sender_ms: float
    all_ms: float


@contextmanager
def scraped(stack: Stack, targets: Path) -> Iterator[None]:
    """Scrape every process as a Prometheus would."""
    enough = threading.Event()
    http = urllib3.PoolManager(retries=False, timeout=10)
    headers = {"Authorization": f"Bearer {stack.api_key}"}

    def scrape() -> None:
        while not enough.wait(SCRAPE_SECONDS):
            workers = [json.loads(file.read_text())[0]["targets"][0] for file in targets.glob("*.json")]
            for url in (f"{stack.url}/metrics", *(f"http://{worker}/metrics" for worker in workers)):
                http.request("GET", url, headers=headers)

    scraper = threading.Thread(target=scrape)
    scraper.start()
    try:
        yield
    finally:
        enough.set()
        scraper.join()


def campaign(stack: Stack, recipients: int) -> Run:
    """Send a campaign, and wait until its events are counted."""
    api, simulator = Api(stack.url, stack.api_key), SimulatorClient(str(stack.aws.ses_url))
    body = {"campaign_id": "bulk", "name": "bulk", "kind": "bulk", "sender": "ems@example.com", "template": TEMPLATE}
    api.call("POST", "/campaigns", body)
    people = [{"to": f"p{one}@example.com", "data": {"name": f"P{one}"}} for one in range(recipients)]
    start = usage()
    batch_id = api.call("POST", "/send-bulk-email", {"campaign_id": "bulk", "recipients": people})["batch_id"]
    while api.call("GET", f"/batches/{batch_id}")["status"] != "done":
        stack.check()
        time.sleep(1)
    simulator.wait_for_events(seconds=PATIENCE_SECONDS)
    await_events()
    spent = _spent(start, usage())
    share = 1000 / recipients
    return Run(
        rate=simulator.report(campaign_id="bulk")["rate"],
        sender_ms=round(spent["sender"] * share, 3),
        all_ms=round(sum(spent.get(name, 0.0) for name in EMS) * share, 3),
    )


def await_events() -> None:
    """Wait until all events are counted: what is not would be missing in the CPU that was used."""
    sqs, deadline = Services(Settings.from_environment()).sqs, time.monotonic() + PATIENCE_SECONDS
    empty = 0
    while empty < LOOKS:
        if time.monotonic() > deadline:
            raise TimeoutError(f"events wait after {PATIENCE_SECONDS} s")
        depth = sqs.depth(queues.EVENTS)
        empty = 0 if depth.visible or depth.in_flight else empty + 1
        time.sleep(1)


def _spent(start: Usage, end: Usage) -> dict[str, float]:
    return {name: seconds - start.cpu_seconds.get(name, 0.0) for name, seconds in end.cpu_seconds.items()}


def run(args: argparse.Namespace, *, seen: bool) -> Run:
    """Run a campaign on a stack of its own."""
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        os.environ["EMS_CANARY"] = "0"  # all of the campaign at once
        os.environ["EMS_TASK_EVENTS"] = str(int(seen))
        os.environ["EMS_METRICS_PORT"] = "9540" if seen else "0"
        os.environ["EMS_METRICS_TARGETS"] = str(state / "targets")
        with Stack(state_dir=state, rate=args.rate) as stack:
            if not seen:
                return campaign(stack, args.recipients)
            with scraped(stack, state / "targets"):
                return campaign(stack, args.recipients)


class InstantMailer:
    """SES in no time."""

    def send(self, template: Template, mails: list[Mail], *, not_after: float | None = None) -> list[Outcome]:
        """Take everything."""
        del template, not_after
        return [Accepted("m")] * len(mails)


def counting_ms(recipients_a_call: int = 20) -> float:
    """Return the milliseconds that counting takes for a recipient: its share of a call and its line, and its events."""
    logs.configure(Settings(), stream=io.StringIO())
    sending, tracking = SendingMetrics(CollectorRegistry()), TrackingMetrics(CollectorRegistry())
    mailer, template = InstantMailer(), Template("c", "s@example.com", "t", "ems")
    watched = WatchedMailer(mailer, sending)
    mails = [Mail(str(one), "a@example.com", {}) for one in range(recipients_a_call)]
    document = {"eventType": "Send", "mail": {"messageId": "m", "destination": ["a@example.com"]}, "send": {}}
    events, applied = parse(document), Applied(Effect.APPLIED)

    def seconds(statement: "object") -> float:
        return timeit.timeit(statement, number=REPETITIONS) / REPETITIONS  # type: ignore[arg-type]

    call = seconds(lambda: watched.send(template, mails)) - seconds(lambda: mailer.send(template, mails))
    outcome = seconds(lambda: sending.settled("bulk", Status.SENT, recipients_a_call))
    event = seconds(lambda: tracking.counted(events, applied))
    return 1000 * ((call + outcome) / recipients_a_call + EVENTS_A_MAIL * event)


def show(runs: dict[str, list[Run]], counting: float) -> None:
    """Print medians side by side."""
    table = Table("medians", "off", "on", "difference")
    for name in ("rate", "sender_ms", "all_ms"):
        off, on = (median(getattr(one, name) for one in runs[arm]) for arm in ("off", "on"))
        table.add_row(name.replace("_ms", ", CPU ms a recipient"), f"{off:.2f}", f"{on:.2f}", f"{on / off - 1:+.1%}")
    all_ms = median(one.all_ms for one in runs["on"])
    table.add_row("counting, CPU ms a recipient", "", f"{counting:.3f}", f"{counting / all_ms:.1%} of all")
    Console(width=100).print(table)


def main() -> None:
    """Measure in turns, each first as often as second."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=1000)
    parser.add_argument("--recipients", type=int, default=4000)
    parser.add_argument("--turns", type=int, default=4)
    args = parser.parse_args()
    environment = dict(os.environ)
    runs: dict[str, list[Run]] = {"off": [], "on": []}
    for turn in range(args.turns):
        for arm in ("off", "on") if turn % 2 else ("on", "off"):
            os.environ.clear()
            os.environ.update(environment)
            runs[arm].append(run(args, seen=arm == "on"))
            print(json.dumps({"arm": arm, **asdict(runs[arm][-1])}), flush=True)
    show(runs, counting_ms())


if __name__ == "__main__":
    main()
