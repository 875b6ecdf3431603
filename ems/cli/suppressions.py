"""``ems suppressions``: who gets no mail."""

import sys
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO

import click
from rich.markup import escape
from rich.table import Table

from ems.cli.progress import ProgressBar, progress_bar
from ems.cli.shared import BY, confirmed, console, moment, named_when_whole, services_of_environment, told_to_people
from ems.store.reasons import REASONS, SCOPES, Reason, Scope

if TYPE_CHECKING:
    from ems.sending.suppression_csv import BadLine
    from ems.sending.suppression_import import Imported
    from ems.sending.suppressions import SuppressionList
    from ems.store.suppressions import Suppression

LISTED = 50


@click.group()
def suppressions() -> None:
    """The suppression list: addresses that get no mail, or none of bulk campaigns."""


@suppressions.command("list")
@click.option("--reason", type=click.Choice(REASONS), help="Only entries of this reason.")
@click.option("--scope", type=click.Choice(SCOPES), help="Only entries of this scope.")
@click.option("--limit", default=LISTED, show_default=True, type=click.IntRange(min=1), help="Entries shown at most.")
def list_entries(*, reason: Reason | None, scope: Scope | None, limit: int) -> None:
    """Show the first entries, in no order; `ems suppressions export -` writes all of them."""
    with told_to_people():
        found = list(islice(_list().all(reason=reason, scope=scope), limit + 1))
    table = Table("address", "reason", "scope", "since", "source")
    table.columns[0].no_wrap = True
    for one in found[:limit]:
        table.add_row(escape(one.address), one.reason, one.scope, moment(one.since), escape(one.source or ""))
    console.print(table)
    if len(found) > limit:
        click.echo("and more")


@suppressions.command()
@click.argument("address")
def show(*, address: str) -> None:
    """Tell why an ADDRESS gets no mail."""
    with told_to_people():
        entry = _list().get(address)
    _tell(entry)


@suppressions.command()
@click.argument("address")
@click.option("--reason", type=click.Choice(REASONS), default="manual", show_default=True)
@click.option("--scope", type=click.Choice(SCOPES), help="bulk: it still gets transactional mail.  [default: all]")
def add(*, address: str, reason: Reason, scope: Scope | None) -> None:
    """Put an ADDRESS on the list, or replace its entry; this may also narrow it from all mail to bulk.

    Who unsubscribes is suppressed for bulk unless --scope says otherwise.
    """
    with told_to_people():
        entry = _list().put(address, reason=reason, scope=scope, by=BY)
    _tell(entry)


@suppressions.command()
@click.argument("address")
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove(*, address: str, yes: bool) -> None:
    """Take an ADDRESS off the list: it gets mail again, until the next bounce or complaint."""
    listed = _list()
    with told_to_people():
        _tell(listed.get(address))
        if confirmed(yes=yes):
            listed.remove(address)
            click.echo("removed")


@suppressions.command("import")
@click.argument("file", type=click.File(encoding="utf-8-sig", errors="replace"))
def import_file(*, file: TextIO) -> None:
    """Put the addresses of a CSV FILE on the list; - reads standard input.

    The first line names the columns: address, and as you like reason, scope, since and source. What is on the list
    stays as it is; only an entry for bulk gives way to one for all mail. So a file may be imported again.

    Bad lines are told by number and left out; then the exit code is 1.
    """
    importing = services_of_environment().suppression_import
    with told_to_people(), progress_bar("lines") as bar:
        expected = _number_of_lines(file)
        done = importing.run(
            file, bad=lambda line: _tell_bad(line, bar), progress=lambda more: bar.advance(more, expected)
        )
    _end(done)


@suppressions.command()
def sync() -> None:
    """Put on the list whom SES has on its own list of the account; what is there stays as it is, as with import."""
    syncing = services_of_environment().suppression_sync
    with told_to_people(), progress_bar("entries") as bar:
        done = syncing.run(bad=lambda line: _tell_bad(line, bar), progress=lambda more: bar.advance(more, None))
    _end(done)


@suppressions.command("export")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
def export_file(*, file: Path) -> None:
    """Write the whole list as CSV into a FILE; - writes to standard output.

    The file gets its name once it is whole; an export that cannot be finished leaves FILE.part.
    """
    from ems.sending.suppression_csv import write_entries  # noqa: PLC0415 - --help does not need it

    entries = _list().all()
    path = None if str(file) == "-" else file
    with told_to_people(), progress_bar("entries") as bar, named_when_whole(path) as whole:
        written = write_entries(entries, whole, progress=lambda more: bar.advance(more, None))
    click.echo(f"{written} written", err=True)


def _list() -> "SuppressionList":
    return services_of_environment().suppression_list


def _tell(entry: "Suppression") -> None:
    mail = f" by mail {entry.email_id}" if entry.email_id else ""
    what = "no mail" if entry.scope == "all" else "no mail of bulk campaigns"
    why = f"{entry.reason}, {entry.source or 'unknown'}{mail}"
    before = ""
    if entry.earlier_since is not None:
        before = f"; no bulk mail since {moment(entry.earlier_since)} ({entry.earlier_reason})"
    click.echo(f"{entry.address}: {what} since {moment(entry.since)} ({why}){before}")


def _end(done: "Imported") -> NoReturn:
    """Tell what became of the lines, and exit with 1 if any was bad."""
    click.echo(f"{done.added} added, {done.known} on the list before, {done.bad} bad lines left out")
    sys.exit(1 if done.bad else 0)


def _tell_bad(line: "BadLine", bar: ProgressBar) -> None:
    bar.say(f"line {line.number}: {line.reason}")


def _number_of_lines(file: TextIO) -> int | None:
    """Count the lines of a file, which is much quicker than to import them; None for what can be read once only."""
    if not file.seekable():
        return None
    number = sum(1 for _ in file)
    file.seek(0)
    return number
