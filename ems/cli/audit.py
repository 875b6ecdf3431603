"""``ems audit``."""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click
from rich.table import Table

from ems.cli.progress import progress_bar
from ems.cli.shared import console, services_of_environment, told_to_people

if TYPE_CHECKING:
    from ems.audit.findings import Verdict
    from ems.audit.run import Options


@click.command()
@click.argument("subject", required=False)
@click.option("--all", "everything", is_flag=True, help="Audit all that is on record.")
@click.option(
    "--queues",
    is_flag=True,
    help="Look at the messages of the sending queues as well. While nothing is sent this names everything that is lost;"
    " each look counts as a receive, and a fifth receive makes a dead letter of a message.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON line for each verdict instead of the table.")
def audit(*, subject: str | None, everything: bool, queues: bool, as_json: bool) -> None:
    """Recount a BATCH or CAMPAIGN (or --all) from the rows and compare with books, counters and queues.

    Exits 1 when anything does not add up, with a line for each break: which id, what is wrong, and what to do.
    """
    if (subject is None) == (not everything):
        raise click.UsageError("name a batch or a campaign, or say --all")
    auditor = services_of_environment().auditor
    with told_to_people(), _progress(queues=queues) as options:
        verdicts = auditor.everything(options) if subject is None else auditor.subject(subject, options)
    if as_json:
        for verdict in verdicts:
            click.echo(json.dumps(verdict.json()))
    else:
        _tell(verdicts)
    sys.exit(0 if all(verdict.sound for verdict in verdicts) else 1)


@contextmanager
def _progress(*, queues: bool) -> Iterator["Options"]:
    """Show a bar on a terminal's standard error while rows are read."""
    from ems.audit.run import Options  # noqa: PLC0415 - --help does not need it

    with progress_bar("mails") as bar:
        yield Options(queues=queues, progress=bar.advance)


def _tell(verdicts: list["Verdict"]) -> None:
    from ems.audit.findings import REMEDY  # noqa: PLC0415 - --help does not need it

    table = Table("subject", "accepted", "where they are", "SES events", "verdict")
    for verdict in verdicts:
        table.add_row(
            verdict.subject,
            str(verdict.accepted),
            _listed(verdict.books),
            _listed(verdict.recount.events),
            "sound" if verdict.sound else "BROKEN",
        )
    console.print(table)
    for verdict in verdicts:
        for note in verdict.notes:
            click.echo(f"note: {note}")
        for broken in verdict.breaks:
            click.echo(f"{broken}\n    {REMEDY[broken.kind]}")
        if verdict.more:
            click.echo(f"and {verdict.more} breaks more")


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in sorted(counts.items()) if number)
