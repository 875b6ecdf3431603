"""The main job under load: a campaign at the account's rate and transactional mail beside it, on real processes.

Prints one table and writes one JSON line for each number of sender processes::

    python bench/main_job.py --senders 1 2 --rate 100 --recipients 3000 --singles-per-second 5

All figures come from the SES simulator's own log but for the time of acceptance, which is when the caller had its 202.
``used`` is the share of the limit over the campaign without its first and last two seconds.
"""

import argparse
import json
import os
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import quantiles
from typing import Any

from rich.console import Console
from rich.table import Table

from ems.local.api import Api
from ems.local.client import SimulatorClient
from ems.local.stack import Stack

EDGE_SECONDS = 2
PATIENCE_SECONDS = 600
TEMPLATE = {"subject": "{{name}}", "text": "Dear {{name}}, https://example.com"}


@dataclass(frozen=True, slots=True)
class Figures:
    """One run. Shares of the limit, recipients, milliseconds, seconds."""

    senders: int
    rate: float
    recipients: int
    used: float
    fullest_second: int
    throttled_calls: int
    duplicates: int
    lost: int
    transactional_p50_ms: float
    transactional_p99_ms: float
    accept_seconds: float
    recipients_per_call: float


class Singles(threading.Thread):
    """Sends single mails at a steady pace until told to stop, and notes when each was accepted."""

    def __init__(self, api: Api, per_second: float) -> None:
        super().__init__()
        self._api = api
        self._gap = 1 / per_second
        self._enough = threading.Event()
        self.accepted_at: dict[str, float] = {}

    def run(self) -> None:
        """Send."""
        while not self._enough.wait(self._gap):
            body = {"campaign_id": "single", "to": f"s{len(self.accepted_at)}@example.com", "data": {"name": "Ada"}}
            email_id = self._api.call("POST", "/send-email", body)["email_id"]
            self.accepted_at[email_id] = time.time()

    def stop(self) -> None:
        """Stop and wait for the last call."""
        self._enough.set()
        self.join()


def measure(stack: Stack, args: argparse.Namespace, senders: int) -> Figures:
    """Run the job once on a ready stack."""
    api, simulator = Api(stack.url, stack.api_key), SimulatorClient(str(stack.aws.ses_url))
    for campaign_id, kind in (("single", "transactional"), ("bulk", "bulk")):
        campaign = {"campaign_id": campaign_id, "name": campaign_id, "kind": kind, "sender": "ems@example.com"}
        api.call("POST", "/campaigns", {**campaign, "template": TEMPLATE})
    recipients = [{"to": f"p{n}@example.com", "data": {"name": f"P{n}"}} for n in range(args.recipients)]
    began = time.monotonic()
    batch_id = api.call("POST", "/send-bulk-email", {"campaign_id": "bulk", "recipients": recipients})["batch_id"]
    accept_seconds = time.monotonic() - began
    singles = Singles(api, args.singles_per_second)
    singles.start()
    try:
        wait_until_done(stack, api, batch_id)
    finally:
        singles.stop()
    time.sleep(EDGE_SECONDS)  # the last single mails
    return figures(simulator, singles, args, senders=senders, accept_seconds=accept_seconds)


def wait_until_done(stack: Stack, api: Api, batch_id: str) -> None:
    """Wait for the campaign, looking on seldom: looking costs what is measured."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while api.call("GET", f"/batches/{batch_id}")["status"] != "done":
        stack.check()
        if time.monotonic() > deadline:
            raise TimeoutError(f"the campaign is not done after {PATIENCE_SECONDS} s")
        time.sleep(2)


def figures(
    simulator: SimulatorClient, singles: Singles, args: argparse.Namespace, *, senders: int, accept_seconds: float
) -> Figures:
    """Work the run out from the simulator's log."""
    report: dict[str, Any] = simulator.report()
    bulk = simulator.report(campaign_id="bulk")
    first, last = bulk["first_accepted_at"] + EDGE_SECONDS, bulk["last_accepted_at"] - EDGE_SECONDS
    mails = list(simulator.mails())
    steady = sum(1 for mail in mails if first <= mail["at"] < last)
    at_ses = {mail["tags"]["ems_email_id"]: mail["at"] for mail in mails}
    waits = [1000 * (at_ses[one] - at) for one, at in singles.accepted_at.items() if one in at_ses]
    cuts = quantiles(waits, n=100)
    calls = sum(number for name, number in report["calls"].items() if name.startswith("Send"))
    return Figures(
        senders=senders,
        rate=args.rate,
        recipients=args.recipients,
        used=round(steady / ((last - first) * args.rate), 4),
        fullest_second=report["fullest_second"],
        throttled_calls=report["throttled_calls"],
        duplicates=report["duplicates"],
        lost=args.recipients + len(singles.accepted_at) - report["accepted"],
        transactional_p50_ms=round(cuts[49]),
        transactional_p99_ms=round(cuts[98]),
        accept_seconds=round(accept_seconds, 2),
        recipients_per_call=round(report["accepted"] / calls, 1),
    )


def main() -> None:
    """Measure each number of senders on a stack of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--senders", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rate", type=float, default=100)
    parser.add_argument("--recipients", type=int, default=3000)
    parser.add_argument("--singles-per-second", type=float, default=5)
    args = parser.parse_args()
    table = Table(*(name.replace("_", " ") for name in Figures.__slots__))
    environment = dict(os.environ)
    for senders in args.senders:
        os.environ.clear()
        os.environ.update(environment)
        with (
            tempfile.TemporaryDirectory() as state,
            Stack(state_dir=Path(state), rate=args.rate, senders=senders) as stack,
        ):
            measured = measure(stack, args, senders)
        print(json.dumps(asdict(measured)), flush=True)
        table.add_row(*(str(value) for value in asdict(measured).values()))
    Console(width=200).print(table)


if __name__ == "__main__":
    main()
