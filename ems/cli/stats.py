"""``ems stats``: a campaign or a batch in numbers, with a plot."""

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click
from rich.markup import escape
from rich.table import Table

from ems.cli.shared import console, moment, services_of_environment, told_to_people

if TYPE_CHECKING:
    from ems.history.statistics import SeriesPoint, StatsView
    from ems.store.counters import Step

COLUMNS = 72
"""Of the plot."""

BARS = " ▁▂▃▄▅▆▇█"
PLOTTED = ("sent", "delivered", "opened", "clicked", "hard_bounced", "complained", "unsubscribed")
MINUTES_UP_TO_SECONDS = 6 * 3_600
"""A subject as young as this is plotted by minutes, an older one by hours."""

HOURS_SECONDS = 14 * 86_400


@click.command()
@click.argument("subject", metavar="CAMPAIGN|BATCH")
@click.option("--step", type=click.Choice(["minute", "hour"]), help="Of the plot; by the subject's age without it.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of tables and plot.")
def stats(*, subject: str, step: "Step | None", as_json: bool) -> None:
    """Tell what became of the mails of a campaign or a batch, counted exactly, and plot it over time."""
    statistics = services_of_environment().statistics
    with told_to_people():
        view = statistics.subject(subject)
        now = time.time()
        since = view.since or now
        chosen: Step = step or ("minute" if now - since < MINUTES_UP_TO_SECONDS else "hour")
        reach = MINUTES_UP_TO_SECONDS if chosen == "minute" else HOURS_SECONDS
        points = statistics.subject_series(subject, chosen, start=max(since, now - reach), end=now + 1)
    if as_json:
        click.echo(json.dumps(asdict(view) | {"series": {"step": chosen, "points": [asdict(one) for one in points]}}))
        return
    _tell(view)
    _plot(points, chosen)


def _tell(view: "StatsView") -> None:
    if view.state_reason is not None and view.state is not None:
        click.echo(f"{_words(view.state)}: {view.state_reason}")
    sent, delivered = view.mails["sent"], view.mails["delivered"]
    mails = Table("mails", "number", "share")
    for outcome, number in view.mails.items():
        whole = sent if outcome in {"delivered", "delayed", "soft_bounced", "hard_bounced"} else delivered
        mails.add_row(_words(outcome), str(number), "" if outcome == "sent" or not whole else f"{number / whole:.2%}")
    console.print(mails)
    for name, numbers in (
        ("hard bounces", view.hard_bounces),
        ("soft bounces", view.soft_bounces),
        ("complaints", view.complaints),
        ("delays", view.delays),
        ("opens", {reader: one.events for reader, one in view.opens.items()}),
        ("clicks", {reader: one.events for reader, one in view.clicks.items()}),
    ):
        if any(numbers.values()):
            click.echo(f"{name}: {_listed(numbers)}")
    times = view.delivery_seconds
    if times.p50 is not None and times.p95 is not None:
        click.echo(f"delivered within {times.p50:.1f} s (half of {times.mails} mails), {times.p95:.1f} s (95 %)")
    if view.links:
        links = Table("link", "clicks", "mails", "by machines")
        for one in view.links:
            links.add_row(escape(one.link), str(one.clicks), str(one.mails), str(one.machine_clicks))
        console.print(links)


def _plot(points: Sequence["SeriesPoint"], step: "Step") -> None:
    if not points:
        return
    first, last = points[0].at, points[-1].at
    for outcome in PLOTTED:
        columns = _columns(((one.at, one.mails.get(outcome, 0)) for one in points), first, last)
        if any(columns):
            click.echo(f"{_words(outcome):>13} {sparkline(columns)} at most {max(columns)}")
    click.echo(f"{'':>13} {moment(first)} to {moment(last)}, by {step}; a mail counts when it first came to that")


def _columns(numbers: Iterable[tuple[float, int]], first: float, last: float) -> list[int]:
    columns = [0] * COLUMNS
    for at, number in numbers:
        columns[round((at - first) / max(last - first, 1) * (COLUMNS - 1))] += number
    return columns


def sparkline(numbers: Sequence[int]) -> str:
    """Draw *numbers* as bars of eight heights; whatever is not zero is seen."""
    highest = max(*numbers, 1)
    return "".join(BARS[-(-number * (len(BARS) - 1) // highest)] for number in numbers)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _listed(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {_words(name)}" for name, number in numbers.items() if number)
