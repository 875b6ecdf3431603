"""The main job under load: a campaign at the account's rate and transactional mail beside it, on real processes.

Prints one table and writes one JSON line for each number of sender processes::

    python bench/main_job.py --senders 1 2 --rate 100 --recipients 3000 --singles-per-second 5

What became of the mails comes from the SES simulator's own log, the time of acceptance from the caller, who had its
202 then. ``used`` is the share of the limit over the campaign without its first and last two seconds. Lease requests
and unused seconds are those of the campaign's last minute, as ``GET /rate`` tells them.
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

from joining import Joining
from rich.console import Console
from rich.table import Table
from usage import EMS, Usage, usage

from ems.local.api import Api
from ems.local.client import SimulatorClient
from ems.local.stack import Stack

EDGE_SECONDS = 2
PATIENCE_SECONDS = 600
TEMPLATE = {"subject": "{{name}}", "text": "Dear {{name}}, https://example.com"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One run: what the caller and SES saw, then what EMS says of itself, then what it cost."""

    senders: int
    guests: int
    rate: float
    recipients: int
    used: float
    fullest_second: int
    throttled_calls: int
    throttled_once_settled: float
    duplicates: int
    lost: int
    transactional_p50_ms: float
    transactional_p99_ms: float
    accept_seconds: float
    recipients_per_call: float
    lease_requests_per_call: float
    unused_seconds: dict[str, float]
    ems_cpu_ms_per_recipient: float
    cores_busy: dict[str, float]
    memory_mib: dict[str, float]


@dataclass(slots=True)
class Watched:
    """What was seen while the campaign ran: the last ``/rate``, what the processes used, and SES's calls halfway.

    Attributes:
        halfway: Calls to send that SES had throttled, and had taken, when about half of the campaign was sent.
    """

    start: Usage
    end: Usage
    rate: dict[str, Any]
    halfway: tuple[int, int] | None = None


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
    joining = Joining(args.join_every) if args.join_every else None
    singles.start()
    if joining:
        joining.start()
    try:
        watched = wait_until_done(stack, api, simulator, batch_id)
    finally:
        singles.stop()
        if joining:
            joining.stop()
    time.sleep(EDGE_SECONDS)  # the last single mails
    return Figures(
        senders=senders,
        guests=joining.guests if joining else 0,
        accept_seconds=round(accept_seconds, 2),
        **at_ses(simulator, singles, args, halfway=watched.halfway or (0, 0)),
        **of_ems(watched, args.recipients),
    )


def wait_until_done(stack: Stack, api: Api, simulator: SimulatorClient, batch_id: str) -> Watched:
    """Wait for the campaign, looking on seldom: looking costs what is measured."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    watched = Watched(start=usage(), end=usage(), rate=api.call("GET", "/rate"))
    while (batch := api.call("GET", f"/batches/{batch_id}"))["status"] != "done":
        stack.check()
        if time.monotonic() > deadline:
            raise TimeoutError(f"the campaign is not done after {PATIENCE_SECONDS} s")
        time.sleep(2)
        watched.end, watched.rate = usage(), api.call("GET", "/rate")
        if watched.halfway is None and batch["counts"]["sent"] > batch["total"] / 2:
            watched.halfway = calls_of(simulator.report())
    return watched


def calls_of(report: dict[str, Any]) -> tuple[int, int]:
    """Return how many calls to send SES throttled, and how many it took."""
    made = sum(number for name, number in report["calls"].items() if name.startswith("Send"))
    return report["throttled_calls"], made - report["throttled_calls"]


def at_ses(
    simulator: SimulatorClient, singles: Singles, args: argparse.Namespace, *, halfway: tuple[int, int]
) -> dict[str, Any]:
    """Work out from the simulator's log what became of the mails."""
    report: dict[str, Any] = simulator.report()
    bulk = simulator.report(campaign_id="bulk")
    first, last = bulk["first_accepted_at"] + EDGE_SECONDS, bulk["last_accepted_at"] - EDGE_SECONDS
    mails = list(simulator.mails())
    steady = sum(1 for mail in mails if first <= mail["at"] < last)
    accepted_at = {mail["tags"]["ems_email_id"]: mail["at"] for mail in mails}
    waits = [1000 * (accepted_at[one] - at) for one, at in singles.accepted_at.items() if one in accepted_at]
    cuts = quantiles(waits, n=100)
    throttled, taken = (now - then for now, then in zip(calls_of(report), halfway, strict=True))
    return {
        "rate": args.rate,
        "recipients": args.recipients,
        "used": round(steady / ((last - first) * args.rate), 4),
        "fullest_second": report["fullest_second"],
        "throttled_calls": report["throttled_calls"],
        "throttled_once_settled": round(throttled / max(throttled + taken, 1), 4),
        "duplicates": report["duplicates"],
        "lost": args.recipients + len(singles.accepted_at) - report["accepted"],
        "transactional_p50_ms": round(cuts[49]),
        "transactional_p99_ms": round(cuts[98]),
        "recipients_per_call": round(report["accepted"] / calls_of(report)[1], 1),
    }


def of_ems(watched: Watched, recipients: int) -> dict[str, Any]:
    """Work out what EMS says of itself, and what it cost."""
    calls = sum(lane["calls"] for lane in watched.rate["lanes"].values())
    cores = watched.end.since(watched.start)
    seconds = watched.end.at - watched.start.at
    return {
        "lease_requests_per_call": round(watched.rate["lease_requests"] / max(calls, 1), 2),
        "unused_seconds": watched.rate["unused_seconds"],
        "ems_cpu_ms_per_recipient": round(1000 * seconds * sum(cores.get(name, 0) for name in EMS) / recipients, 1),
        "cores_busy": {name: round(busy, 2) for name, busy in sorted(cores.items())},
        "memory_mib": {name: round(mib) for name, mib in sorted(watched.end.memory_mib.items())},
    }


def main() -> None:
    """Measure each number of senders on a stack of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--senders", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rate", type=float, default=100)
    parser.add_argument("--recipients", type=int, default=3000)
    parser.add_argument("--singles-per-second", type=float, default=5)
    parser.add_argument("--promised", type=float, help="the rate that SES promises, though it takes less: --rate")
    parser.add_argument("--join-every", type=float, help="a further sender joins, and leaves after so many seconds")
    args = parser.parse_args()
    runs: list[Figures] = []
    os.environ.setdefault("EMS_CANARY", "0")  # it is the line that is measured, not how soon outcomes are known
    environment = dict(os.environ)
    for senders in args.senders:
        os.environ.clear()
        os.environ.update(environment)
        if args.promised:
            os.environ["EMS_MAX_SEND_RATE"] = str(args.promised)
        with (
            tempfile.TemporaryDirectory() as state,
            Stack(state_dir=Path(state), rate=args.rate, senders=senders) as stack,
        ):
            runs.append(measure(stack, args, senders))
        print(json.dumps(asdict(runs[-1])), flush=True)
    table = Table("", *(f"run {number}" for number in range(1, len(runs) + 1)))
    for name in Figures.__slots__:
        table.add_row(name.replace("_", " "), *(shown(getattr(run, name)) for run in runs))
    Console(width=200).print(table)


def shown(value: float | dict[str, float]) -> str:
    """Write a figure as one line, or one line for each of several."""
    return "\n".join(f"{key} {one:g}" for key, one in value.items()) if isinstance(value, dict) else f"{value:g}"


if __name__ == "__main__":
    main()
