"""``ems breaker``: what protects the account's good name, and the operator's word to it."""

from typing import TYPE_CHECKING

import click
from rich.markup import escape
from rich.table import Table

from ems.cli.shared import BY, confirmed, console, moment, services_of_environment, told_to_people

if TYPE_CHECKING:
    from ems.sending.breaker_view import BreakerView


@click.group()
def breaker() -> None:
    """The breaker: pauses campaigns, or all bulk mail, with too many hard bounces or complaints."""


@breaker.command()
def show() -> None:
    """Show the account's breaker, its numbers, and the campaigns that the breaker has paused.

    The exit code is 1 while anything is paused by it.
    """
    with told_to_people():
        view = services_of_environment().breaker_desk.get()
    _tell(view)
    if view.state != "active" or view.campaigns:
        raise SystemExit(1)


@breaker.command()
@click.argument("campaign_id", required=False)
@click.option("--all-bulk", is_flag=True, help="Resume what the account's breaker has paused: all bulk mail.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def resume(*, campaign_id: str | None, all_bulk: bool, yes: bool) -> None:
    """Let the campaign CAMPAIGN_ID go on, or all bulk mail; what came before does not count any more."""
    if (campaign_id is None) is not all_bulk:
        raise click.UsageError("name a campaign, or say --all-bulk")
    services = services_of_environment()
    with told_to_people():
        if campaign_id is None:
            view = services.breaker_desk.get()
            click.echo(view.reason or "all bulk mail may go out")
            if confirmed(yes=yes):
                services.breaker_desk.resume(by=BY)
                click.echo("all bulk mail goes on")
            return
        campaign = services.campaigns.get(campaign_id)
        click.echo(f"{campaign.state}: {campaign.state_reason or 'no reason was given'}")
        if confirmed(yes=yes):
            services.campaigns.resume(campaign_id, by=BY)
            click.echo("it goes on")


def _tell(view: "BreakerView") -> None:
    tally, limits = view.tally, view.limits
    click.echo("all bulk mail is paused" if view.state != "active" else "bulk mail may go out")
    if view.reason:
        click.echo(f"  since {moment(view.changed_at or 0)}: {view.reason}")
    since = "nothing was counted yet" if view.counted_since is None else f"since {moment(view.counted_since)}"
    click.echo(f"{since}: {tally.sent} mails sent")
    _tell_rate("hard bounces", tally.hard_bounced, tally.sent, limits.bounce_rate)
    _tell_rate("complaints", tally.complained, tally.sent, limits.complaint_rate)
    if not view.campaigns:
        click.echo("no campaign is paused by the breaker")
        return
    table = Table("campaign", "paused", "why")
    table.columns[0].no_wrap = True
    for one in view.campaigns:
        table.add_row(escape(one.campaign_id), moment(one.updated_at), escape(one.state_reason or ""))
    console.print(table)


def _tell_rate(what: str, count: int, sent: int, limit: float) -> None:
    share = f"{count / sent:.2%}" if sent else "-"
    click.echo(f"  {count} {what}: {share}, the limit is {limit:.2%}")
