"""``ems emails``: find mails, and write all of a campaign into a file."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.markup import escape
from rich.table import Table

from ems.cli.progress import ProgressBar, progress_bar
from ems.cli.shared import console, moment, named_when_whole, services_of_environment, told_to_people
from ems.store.status import Status

if TYPE_CHECKING:
    from ems.history.formats import FormatName
    from ems.sending.emails import EmailView
    from ems.store.pages import Page

    Ask = Callable[..., Page[EmailView]]

LISTED = 50
PAGE = 200

STATUS = click.Choice([status.value for status in Status])


@click.group(invoke_without_command=True)
@click.option("--campaign", help="Mails of this campaign.")
@click.option("--recipient", help="Mails to this address.")
@click.option("--message-id", help="The mail of this SES message.")
@click.option("--status", type=STATUS, help="Only mails of this status; with --campaign.")
@click.option("--limit", default=LISTED, show_default=True, type=click.IntRange(min=1), help="Mails shown at most.")
@click.option("--json", "as_json", is_flag=True, help="One JSON line for each mail, as GET /emails/{id} answers.")
@click.pass_context
def emails(
    context: click.Context,
    *,
    campaign: str | None,
    recipient: str | None,
    message_id: str | None,
    status: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """Find mails by exactly one of --campaign, --recipient and --message-id.

    Mails of a batch appear once a sender has come to them. `ems trace ID` tells the story of one.
    """
    given = [one for one in (campaign, recipient, message_id) if one is not None]
    if context.invoked_subcommand is not None:
        if given or status:
            raise click.UsageError(f"give the options of {context.invoked_subcommand} after it")
        return
    if len(given) != 1:
        raise click.UsageError("give one of --campaign, --recipient and --message-id")
    if status is not None and campaign is None:
        raise click.UsageError("--status goes with --campaign")
    found = _listing(campaign=campaign, recipient=recipient, message_id=message_id, status=status)
    with told_to_people():
        mails, more = _first(found, limit)
    _show(mails, as_json=as_json)
    if more:
        click.echo("and more: raise --limit, or say `ems emails export`", err=True)


@emails.command()
@click.argument("subject", metavar="CAMPAIGN|BATCH")
@click.option("--format", "form", type=click.Choice(["csv", "ndjson"]), default="csv", show_default=True)
@click.option("--status", type=STATUS, help="Only mails of this status.")
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="File to write; standard output without it."
)
def export(*, subject: str, form: "FormatName", status: str | None, output: Path | None) -> None:
    """Write all mails of a campaign or a batch, of any number.

    The file gets its name once it is whole. An export that cannot be finished exits with 1 and leaves FILE.part, whose
    last line says so.
    """
    from ems.history.formats import FORMATS, written  # noqa: PLC0415 - --help does not need it

    exports = services_of_environment().exports
    with told_to_people(), progress_bar("mails") as bar:
        mails = exports.subject(subject, status=None if status is None else Status(status))
        with named_when_whole(output) as file:
            for piece in written(_counted(mails, bar), FORMATS[form]):
                file.write(piece)


def _listing(*, campaign: str | None, recipient: str | None, message_id: str | None, status: str | None) -> "Ask":
    service = services_of_environment().emails
    if message_id is not None:
        return partial(service.of_message, message_id)
    if recipient is not None:
        return partial(service.of_recipient, recipient)
    return partial(service.of_campaign, campaign or "", status=None if status is None else Status(status))


def _first(ask: "Ask", limit: int) -> tuple[list["EmailView"], bool]:
    """Return the first mails, and whether there may be more; a page may be short and still have a next."""
    mails: list[EmailView] = []
    cursor = None
    while True:
        page = ask(limit=min(limit - len(mails), PAGE), cursor=cursor)
        mails += page.items
        cursor = page.next
        if cursor is None or len(mails) == limit:
            return mails, cursor is not None


def _show(mails: Sequence["EmailView"], *, as_json: bool) -> None:
    if as_json:
        from ems.web.answers import Email  # noqa: PLC0415 - only this needs it

        for mail in mails:
            click.echo(Email.model_validate(mail).model_dump_json())
        return
    table = Table("id", "status", "recipient", "campaign", "since", "reason")
    table.columns[0].no_wrap = True
    for mail in mails:
        since = "" if mail.created_at is None else moment(mail.created_at)
        words = (mail.email_id, mail.status.value, mail.recipient, mail.campaign_id, since, mail.reason)
        table.add_row(*(escape(word or "") for word in words))
    console.print(table)


def _counted(export: Iterable[list["EmailView"]], bar: ProgressBar) -> Iterator[list["EmailView"]]:
    for mails in export:
        yield mails
        bar.advance(len(mails), None)
