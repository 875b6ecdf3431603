"""``ems retry``."""

import click

from ems.cli.shared import BY, confirmed, services_of_environment, told_to_people


@click.command()
@click.argument("batch_id", metavar="BATCH")
@click.option("--dry-run", is_flag=True, help="Say how many it would be, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def retry(*, batch_id: str, dry_run: bool, yes: bool) -> None:
    """Send again to exactly those of a BATCH who failed for a reason that may pass."""
    retries = services_of_environment().retries
    with told_to_people():
        found = retries.batch(batch_id, by=BY, dry_run=True)
    gone = f"; {found.impossible} whose payload is not kept any more" if found.impossible else ""
    click.echo(f"{found.retried} failed for a reason that may pass{gone}")
    if dry_run or not found.retried or not confirmed(yes=yes):
        return
    with told_to_people():
        done = retries.batch(batch_id, by=BY)
    click.echo(f"{done.retried} go out again")
