"""``ems audit``."""

import sys

import click
from rich.table import Table

from ems.cli.shared import console, services_of_environment, told_to_people


@click.command()
@click.argument("subject", required=False)
@click.option("--all", "everything", is_flag=True, help="Audit every campaign.")
def audit(*, subject: str | None, everything: bool) -> None:
    """Recount a BATCH or CAMPAIGN (or --all) from the records; exits 1 when anything is off."""
    if (subject is None) == (not everything):
        raise click.UsageError("name a batch or a campaign, or say --all")
    auditor = services_of_environment().auditor
    with told_to_people():
        verdicts = auditor.everything() if subject is None else auditor.subject(subject)
    table = Table("subject", "accepted", "by sender", "by status", "verdict")
    for verdict in verdicts:
        table.add_row(
            verdict.subject,
            str(verdict.accepted),
            _listed(verdict.recount.sender),
            _listed(verdict.recount.status),
            "sound" if verdict.sound else "BROKEN",
        )
    console.print(table)
    breaks = [broken for verdict in verdicts for broken in verdict.breaks]
    for broken in breaks:
        click.echo(broken)
    sys.exit(1 if breaks else 0)


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in sorted(counts.items()))
