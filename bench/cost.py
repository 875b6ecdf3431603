"""What a mail costs at AWS: calls, request units, and the bill for a million, beside SES's own price.

Prints one table and one JSON line::

    make bench-cost
    PYTHONPATH=tests python bench/cost.py --singles 100 --recipients 1000

Everything that EMS asks of AWS passes over a wire that counts it (``stage.meter``), Flower's events included. What the
idle system asks in the same time is taken off, and shown apart: it costs the same whatever is sent. DynamoDB's units
are worked out from the items before and after each write (``stage.units``): the emulator counts one for each item.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import prices
from rich.console import Console
from rich.table import Table
from stage.meter import Meter, MeteredWire

from ems.local.api import Api
from ems.local.client import SimulatorClient
from ems.local.launcher import LocalAws
from ems.local.stack import Stack

PATIENCE_SECONDS = 600
SETTLING_SECONDS = 5
MONTH_SECONDS = 30 * 86_400
TEMPLATE = {"subject": "{{name}}", "text": "Dear {{name}}, https://example.com", "html": "<p>Dear {{name}}</p>"}


class MeteredAws(LocalAws):
    """The embedded AWS, reached over the wire by whoever is started after it."""

    wire: MeteredWire | None = None

    def environment(self) -> dict[str, str]:
        """Return the variables that point an EMS process at the wire."""
        variables = super().environment()
        if self.wire is None:
            return variables
        return {name: self.wire.url if name.startswith("AWS_ENDPOINT") else value for name, value in variables.items()}

    def start(self) -> None:
        """Start the services, then the wire: what the services ask of each other is not EMS's."""
        super().start()
        self.wire = MeteredWire(aws_url=self.aws_url, ses_url=str(self.ses_url))
        self.wire.__enter__()

    def stop(self) -> None:
        """Stop all of it."""
        if self.wire is not None:
            self.wire.__exit__(None, None, None)
            self.wire = None
        super().stop()


@dataclass(frozen=True, slots=True)
class Reading:
    """What was counted by a moment (monotonic seconds): the meter, and the events that SES published and SNS posted."""

    at: float
    meter: Meter
    published: int
    posted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What was asked of AWS, for a mail or in a second. ``units`` are DynamoDB's, writes and reads."""

    calls: dict[str, float]
    sqs_requests: float
    sqs_fair: float
    sns_requests: float
    sns_posts: float
    write_units: float
    read_units: float

    def dollars(self) -> dict[str, float]:
        """Return what it costs, by service."""
        return {
            "SQS": self.sqs_requests * prices.SQS_REQUEST + self.sqs_fair * prices.SQS_FAIR,
            "SNS": self.sns_requests * prices.SNS_REQUEST + self.sns_posts * prices.SNS_HTTP,
            "DynamoDB": self.write_units * prices.DYNAMODB_WRITE + self.read_units * prices.DYNAMODB_READ,
        }


class Account:
    """A running stack and what it has asked of AWS so far."""

    def __init__(self, stack: Stack, wire: MeteredWire) -> None:
        self.api = Api(stack.url, stack.api_key)
        self.simulator = SimulatorClient(str(stack.aws.ses_url))
        self._wire = wire
        self._stack = stack

    def reading(self) -> Reading:
        """Read all counters."""
        events = self.simulator.report()["events"].values()
        published, posted = (sum(kind[name] for kind in events) for name in ("published", "posted"))
        return Reading(time.monotonic(), self._wire.read(), published, posted)

    def settle(self) -> None:
        """Wait until all that was accepted is sent and all of its events are counted."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.api.call("GET", "/rate")["backlog"] or not self.simulator.wait_for_events():
            self._stack.check()
            if time.monotonic() > deadline:
                raise TimeoutError(f"mails are on their way after {PATIENCE_SECONDS} s")
        time.sleep(SETTLING_SECONDS)

    def singles(self, number: int, *, per_second: float = 5.0) -> None:
        """Send transactional mails at a steady pace."""
        for one in range(number):
            body = {"campaign_id": "single", "to": f"s{one}@example.com", "data": {"name": "Ada"}}
            self.api.call("POST", "/send-email", body)
            time.sleep(1 / per_second)
        self.settle()

    def bulk(self, number: int) -> None:
        """Send a campaign."""
        recipients = [{"to": f"p{one}@example.com", "data": {"name": f"P{one}"}} for one in range(number)]
        body = {"campaign_id": "bulk", "recipients": recipients}
        batch_id = self.api.call("POST", "/send-bulk-email", body)["batch_id"]
        while self.api.call("GET", f"/batches/{batch_id}")["status"] != "done":
            self._stack.check()
            time.sleep(2)
        self.settle()


@contextmanager
def running(rate: float) -> Iterator[Account]:
    """Start everything on a metered wire, with two campaigns that have sent before."""
    with ExitStack() as open_:
        state = open_.enter_context(tempfile.TemporaryDirectory())
        stack = Stack(state_dir=Path(state), rate=rate)
        metered = MeteredAws(aws_port=stack.aws.aws_port, ses_port=stack.aws.ses_port, state_dir=Path(state), rate=rate)
        stack.aws = metered
        open_.enter_context(stack)
        assert metered.wire is not None  # noqa: S101 - it runs
        account = Account(stack, metered.wire)
        for campaign_id, kind in (("single", "transactional"), ("bulk", "bulk")):
            campaign = {"campaign_id": campaign_id, "name": campaign_id, "kind": kind, "sender": "ems@example.com"}
            account.api.call("POST", "/campaigns", {**campaign, "template": TEMPLATE})
        account.singles(5)
        account.bulk(50)
        yield account


def used(before: Reading, after: Reading, *, per: float, idle: Use | None = None) -> Use:
    """Work out what was asked between two readings, by mail or second, less what the *idle* system asks."""
    seconds = (after.at - before.at) if idle else 0.0

    def share(total: float, in_a_second: float) -> float:
        return round(max(total - seconds * in_a_second, 0.0) / per, 4)

    calls = after.meter.calls - before.meter.calls
    billed = after.meter.billed - before.meter.billed
    units: Mapping[str, Any] = {name: after.meter.units[name] - before.meter.units[name] for name in ("write", "read")}
    published, posted = after.published - before.published, after.posted - before.posted
    return Use(
        calls={
            name: share(number, idle.calls.get(name, 0.0) if idle else 0.0) for name, number in sorted(calls.items())
        },
        sqs_requests=share(billed["SQS"], idle.sqs_requests if idle else 0.0),
        sqs_fair=share(billed["SQS fair"], idle.sqs_fair if idle else 0.0),
        sns_requests=share(billed["SNS"] + published, idle.sns_requests if idle else 0.0),
        sns_posts=share(posted, idle.sns_posts if idle else 0.0),
        write_units=share(units["write"], idle.write_units if idle else 0.0),
        read_units=share(units["read"], idle.read_units if idle else 0.0),
    )


def measure(account: Account, args: argparse.Namespace) -> dict[str, Use]:
    """Be idle, send single mails, send a campaign."""
    readings = [account.reading()]
    for step in (
        lambda: time.sleep(args.idle),
        lambda: account.singles(args.singles),
        lambda: account.bulk(args.recipients),
    ):
        step()
        readings.append(account.reading())
    start, rested, singles, bulk = readings
    idle = used(start, rested, per=rested.at - start.at)
    return {
        "idle": idle,
        "single": used(rested, singles, per=args.singles, idle=idle),
        "bulk": used(singles, bulk, per=args.recipients, idle=idle),
    }


def show(uses: Mapping[str, Use]) -> None:
    """Print what a mail costs, and what being there costs."""
    single, bulk, idle = uses["single"], uses["bulk"], uses["idle"]
    table = Table("", "a single mail", "a mail of a campaign", "idle, a day")
    for name in sorted({*single.calls, *bulk.calls, *idle.calls}):
        row = [f"{use.calls.get(name, 0.0):.2f}" for use in (single, bulk)]
        table.add_row(name, *row, f"{idle.calls.get(name, 0.0) * 86_400:,.0f}")
    table.add_section()
    for name in ("sqs_requests", "sns_requests", "sns_posts", "write_units", "read_units"):
        row = [f"{getattr(use, name):.2f}" for use in (single, bulk)]
        table.add_row(name.replace("_", " "), *row, f"{getattr(idle, name) * 86_400:,.0f}")
    table.add_section()
    table.add_row("[bold]US dollars[/]", "a million", "a million", "a month")
    for name in ("SQS", "SNS", "DynamoDB"):
        row = [f"{use.dollars()[name] * prices.MILLION:.2f}" for use in (single, bulk)]
        table.add_row(name, *row, f"{idle.dollars()[name] * MONTH_SECONDS:.2f}")
    sums = [sum(use.dollars().values()) * prices.MILLION for use in (single, bulk)]
    table.add_row("EMS, in sum", *(f"{one:.2f}" for one in sums), f"{sum(idle.dollars().values()) * MONTH_SECONDS:.2f}")
    table.add_row("SES itself", *[f"{prices.SES_MAIL * prices.MILLION:.2f}"] * 2, "0.00")
    Console(width=120).print(table)


def main() -> None:
    """Measure once."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=100)
    parser.add_argument("--singles", type=int, default=100)
    parser.add_argument("--recipients", type=int, default=1000)
    parser.add_argument("--idle", type=float, default=40, help="seconds in which nothing is sent")
    args = parser.parse_args()
    with running(args.rate) as account:
        uses = measure(account, args)
    print(json.dumps({name: asdict(use) for name, use in uses.items()}))
    show(uses)


if __name__ == "__main__":
    main()
