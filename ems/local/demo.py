"""``make demo``: the main job, seen from outside, through the HTTP API alone."""

import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

import urllib3
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from ems import queues
from ems.audit.findings import Verdict
from ems.local.api import Api
from ems.local.client import SimulatorClient
from ems.local.processes import ServiceError
from ems.local.stack import Stack
from ems.settings import Settings
from ems.wiring import Services

SINGLES = 20
BULK = 1000
SIMULATED = {"bounce": 20, "complaint": 4, "ooto": 26, "suppressionlist": 10, "success": 40}
"""Mailbox-simulator addresses among the bulk recipients, told apart by labels: with 3 % of hard bounces and a few
complaints a list that the breaker does not stop."""

LEAVING = f"person-{BULK - 1}@example.com"
"""Who unsubscribes once everything has arrived."""

POLL_SECONDS = 0.4
PATIENCE_SECONDS = 120
FINAL = {"sent", "failed", "suppressed", "in_doubt"}


class DemoError(ServiceError):
    """The demo cannot go on; the message says why."""


def run(*, state_dir: Path, console: Console) -> int:
    """Run the demo; 0 when everything adds up."""
    began = time.monotonic()
    console.print("Starting EMS on embedded services …")
    with Stack(state_dir=state_dir) as stack:
        console.print(f"  ready after {time.monotonic() - began:.1f} s: API {stack.url} · mails {stack.aws.ses_url}")
        console.print(f"  Flower {stack.flower_url} · logs {stack.log}")
        demo = _Demo(stack, console)
        demo.create_campaigns()
        singles, batch_id = demo.send()
        demo.watch(batch_id)
        demo.wait_for_singles(singles)
        demo.wait_for_events()
        demo.unsubscribe()
        return demo.report(batch_id, len(singles))


class _Demo:
    def __init__(self, stack: Stack, console: Console) -> None:
        self._stack = stack
        self._console = console
        self._api = Api(stack.url, stack.api_key)
        self._simulator = SimulatorClient(str(stack.aws.ses_url))
        self._services = Services(Settings.from_environment())

    def create_campaigns(self) -> None:
        """Create one transactional and one bulk campaign."""
        for campaign_id, kind, subject in (
            ("result-is-out", "transactional", "Your result is out, {{name}}"),
            ("come-back", "bulk", "{{name}}, we miss you"),
        ):
            html = '<p>Dear {{name}},</p><p><a href="https://example.com/stage">Go to your stage</a></p>'
            if kind == "bulk":
                html += '<p><a href="{{unsubscribe_url}}">Unsubscribe</a></p>'
            self._api.call(
                "POST",
                "/campaigns",
                {
                    "campaign_id": campaign_id,
                    "name": campaign_id,
                    "kind": kind,
                    "sender": "EMS Demo <hello@example.com>",
                    "template": {"subject": subject, "html": html, "text": "Dear {{name}}, https://example.com/stage"},
                },
            )

    def send(self) -> tuple[list[str], str]:
        """Send the bulk and then, overtaking it, the single mails; returns their ids."""
        recipients = [{"to": f"person-{n}@example.com", "data": {"name": f"Person {n}"}} for n in range(BULK)]
        step = BULK // sum(SIMULATED.values())
        for place, address in enumerate(_simulated()):
            recipients[place * step]["to"] = address
        batch = self._api.call(
            "POST", "/send-bulk-email", {"campaign_id": "come-back", "name": "demo", "recipients": recipients}
        )
        singles = [
            self._api.call(
                "POST",
                "/send-email",
                {"campaign_id": "result-is-out", "to": f"student-{n}@example.com", "data": {"name": f"Student {n}"}},
            )["email_id"]
            for n in range(SINGLES)
        ]
        self._console.print(f"  accepted {batch['accepted']} bulk recipients and {len(singles)} single mails")
        return singles, batch["batch_id"]

    def watch(self, batch_id: str) -> None:
        """Show the batch's progress until it is done."""
        columns = (
            TextColumn("  {task.description}"),
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total:.0f} · {task.fields[rate]}/s · ETA {task.fields[eta]}"),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self._console) as progress:
            bar = progress.add_task("campaign", total=BULK, rate="0", eta="…")
            deadline = time.monotonic() + PATIENCE_SECONDS
            while time.monotonic() < deadline:
                self._stack.check()
                batch = self._api.call("GET", f"/batches/{batch_id}")
                counts, eta = batch["counts"], batch["eta_seconds"]
                finished = batch["total"] - counts["waiting"] - counts["sending"]
                shown = "…" if eta is None else f"{eta:.0f} s"
                progress.update(bar, completed=finished, rate=f"{batch['rate']:.0f}", eta=shown)
                if batch["status"] == "done":
                    return
                time.sleep(POLL_SECONDS)
        raise DemoError(f"the batch is not done after {PATIENCE_SECONDS} s: {batch}")

    def wait_for_singles(self, email_ids: list[str]) -> None:
        """Wait until no single mail is on its way."""
        left = set(email_ids)

        def settled() -> bool:
            for email_id in sorted(left):
                if self._api.call("GET", f"/emails/{email_id}")["status"] not in {"queued", "sending"}:
                    left.discard(email_id)
            return not left

        self._until(settled, "the single mails are still on their way")

    def wait_for_events(self) -> None:
        """Wait until SES has told everything and EMS has counted it."""

        def counted() -> bool:
            events = self._simulator.report()["events"]
            return all(kind["pending"] == 0 for kind in events.values()) and (
                self._services.sqs.depth(queues.EVENTS).total == 0
            )

        self._until(counted, "events are still on their way")

    def unsubscribe(self) -> None:
        """Do what a mailbox provider does for a reader who wants no more: post to the link in the mail's header."""
        mail = next(self._simulator.mails(campaign_id="come-back", recipient=LEAVING))
        url = self._simulator.mail(mail["message_id"])["headers"]["List-Unsubscribe"].strip("<>")
        answer = urllib3.request("POST", url, fields={"List-Unsubscribe": "One-Click"}, redirect=False)
        if answer.status != HTTPStatus.OK:
            raise DemoError(f"unsubscribing answered {answer.status}: {answer.data.decode()}")

    def report(self, batch_id: str, singles: int) -> int:
        """Print the table and the verdict; 0 when everything adds up."""
        verdicts = [self._services.auditor.batch(batch_id), *self._services.auditor.campaign("result-is-out")]
        report = self._simulator.report()
        limit = float(self._api.call("GET", "/rate")["account_limit"])
        rows, breaks = _figures(verdicts, report, accepted=BULK + singles, limit=limit)
        table = Table(title="What became of the mails", show_header=False)
        for name, figure in rows:
            table.add_row(name, figure)
        self._console.print(table)
        for verdict in verdicts:
            self._console.print(f"audit: {verdict.subject}: {'sound' if verdict.sound else 'BROKEN'}")
        for one in breaks:
            self._console.print(f"[red]does not add up:[/red] {one}")
        self._console.print("everything adds up" if not breaks else f"{len(breaks)} breaks")
        return 1 if breaks else 0

    def _until(self, condition: Callable[[], bool], otherwise: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            if time.monotonic() > deadline:
                raise DemoError(otherwise)
            self._stack.check()
            time.sleep(POLL_SECONDS)


def _simulated() -> list[str]:
    """Return the mailbox simulator's addresses, each kind spread evenly among the others."""
    spread = [
        (n / number, f"{box}+{n}@simulator.amazonses.com") for box, number in SIMULATED.items() for n in range(number)
    ]
    return [address for _, address in sorted(spread)]


def _figures(
    verdicts: list[Verdict], report: dict[str, Any], *, accepted: int, limit: float
) -> tuple[list[tuple[str, str]], list[str]]:
    """Put EMS's own books beside the simulator's log; returns the table's rows and everything that disagrees."""
    sender: dict[str, int] = {}
    events: dict[str, int] = {}
    for verdict in verdicts:
        for name, number in verdict.recount.sender.items():
            sender[name] = sender.get(name, 0) + number
        for name, number in verdict.recount.events.items():
            events[name] = events.get(name, 0) + number
    final = sum(sender.get(state, 0) for state in FINAL)
    used = report["accepted"] / (report["seconds"] * limit) if report["seconds"] else 0.0
    rows = [
        ("accepted", str(accepted)),
        ("sent", str(sender.get("sent", 0))),
        *(
            (name, str(events.get(name, 0)))
            for name in ("delivery", "bounce", "complaint", "open", "click", "unsubscribe")
        ),
        ("failed", str(sender.get("failed", 0))),
        ("in doubt", str(sender.get("in_doubt", 0))),
        ("seconds at SES", f"{report['seconds']:.1f}"),
        ("share of the rate used", f"{used:.1%}"),
        ("fullest second", f"{report['fullest_second']} of {limit:.0f}"),
        ("throttles", str(report["throttled_calls"])),
        ("duplicates", str(report["duplicates"])),
        ("lost", str(accepted - final)),
    ]
    breaks = [str(broken) for verdict in verdicts for broken in verdict.breaks]
    expected = {
        f"SES accepted {report['accepted']} recipients, EMS accepted {accepted}": report["accepted"] == accepted,
        f"{accepted - final} recipients are lost": accepted == final,
        f"{report['duplicates']} mails went out twice": report["duplicates"] == 0,
        f"the fullest second had {report['fullest_second']} recipients": report["fullest_second"] <= limit,
        f"SES throttled {report['throttled_calls']} calls": report["throttled_calls"] == 0,
        f"EMS counted {events.get('unsubscribe', 0)} who unsubscribed": events.get("unsubscribe") == 1,
    }
    breaks += [text for text, holds in expected.items() if not holds]
    for kind, counts in report["events"].items():
        name = "_".join(kind.lower().split())
        if events.get(name, 0) != counts["published"]:
            breaks.append(f"SES told {counts['published']} times of {kind}, EMS counted {events.get(name, 0)}")
    return rows, breaks
