"""How soon a new campaign starts on an idle system: from the caller's 202 until SES has its first mail.

Prints one table and one JSON line::

    python bench/release.py --campaigns 20

Beat wakes the drainer every second, so campaigns come at random moments of a second here.
"""

import argparse
import json
import random
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from ems.local.api import Api
from ems.local.client import SimulatorClient
from ems.local.stack import Stack

TEMPLATE = {"subject": "{{name}}", "text": "Dear {{name}}"}
PATIENCE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Figures:
    """Seconds from 202 to the first mail at SES."""

    campaigns: int
    shortest: float
    median: float
    longest: float


def first_mail_after(api: Api, simulator: SimulatorClient, campaign_id: str) -> float:
    """Send a campaign of 20 and return the seconds until SES has the first of them."""
    campaign = {"campaign_id": campaign_id, "name": campaign_id, "kind": "bulk", "sender": "ems@example.com"}
    api.call("POST", "/campaigns", {**campaign, "template": TEMPLATE})
    time.sleep(random.random())  # noqa: S311 - the phase of beat's second, no secret
    recipients = [{"to": f"p{number}@example.com", "data": {"name": "Ada"}} for number in range(20)]
    api.call("POST", "/send-bulk-email", {"campaign_id": campaign_id, "recipients": recipients})
    accepted_at = time.time()
    while not (mails := list(simulator.mails(campaign_id=campaign_id))):
        if time.time() > accepted_at + PATIENCE_SECONDS:
            raise TimeoutError(f"no mail of {campaign_id} within {PATIENCE_SECONDS} s")
        time.sleep(0.1)
    return float(mails[0]["at"]) - accepted_at


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--campaigns", type=int, default=20)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as state, Stack(state_dir=Path(state)) as stack:
        api, simulator = Api(stack.url, stack.api_key), SimulatorClient(str(stack.aws.ses_url))
        waits = [first_mail_after(api, simulator, f"campaign-{number}") for number in range(args.campaigns)]
    figures = Figures(len(waits), *(round(one, 2) for one in (min(waits), median(waits), max(waits))))
    print(json.dumps(asdict(figures)))
    table = Table(*Figures.__slots__)
    table.add_row(*(f"{value:g}" for value in asdict(figures).values()))
    Console().print(table)


if __name__ == "__main__":
    main()
