"""``ems resolve``."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from ems.cli.shared import BY, confirmed, services_of_environment, told_to_people
from ems.errors import UnknownIdError

if TYPE_CHECKING:
    from ems.sending.resolve import Order, Resolution, Resolver, Word

    Decide = Callable[[Order], Resolution]

WORDS = {
    "sent": "taken as sent",
    "failed": "given up",
    "resend": "sent again, though SES may have taken them before",
    "release": "sent, though they may be duplicates",
    "drop": "dropped",
    "abandon": "given up before it was sent",
}
STATES = {"release": "held", "drop": "held", "abandon": "waiting"}
"""The state of the mails that a word is about; all other words are about those in doubt."""


@click.command()
@click.argument("decision", type=click.Choice(list(WORDS)))
@click.argument("subject", required=False)
@click.option("--all", "everything", is_flag=True, help="Decide about all that is held.")
@click.option("--dry-run", is_flag=True, help="Say how many it would be, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def resolve(*, decision: "Word", subject: str | None, everything: bool, dry_run: bool, yes: bool) -> None:
    """Decide about the mails of SUBJECT, a batch or one mail, that are in doubt, held or stranded.

    About those in doubt whose window is over: sent takes them as sent, failed gives them up, resend sends them again.
    An SES event that comes later still counts. About possible duplicates: release sends them, drop ends them as failed.
    About one mail that no queue holds a message of, as ems audit tells: abandon ends it as failed.
    """
    if (subject is None) == (not everything):
        raise click.UsageError("name a batch or a mail, or say --all")
    from ems.sending.resolve import Order  # noqa: PLC0415 - it imports what --help does not need

    decide = _about(services_of_environment().resolver, subject)
    order = Order(decision, BY, dry_run=True)
    with told_to_people():
        found = decide(order)
    click.echo(f"{found.decided} {STATES.get(decision, 'in doubt')} to be {WORDS[decision]}{_others(found)}")
    if dry_run or not found.decided + found.proven or not confirmed(yes=yes):
        return
    with told_to_people():
        done = decide(replace(order, dry_run=False))
    click.echo(f"{done.decided} {WORDS[decision]}{_others(done)}")


def _about(resolver: "Resolver", subject: str | None) -> "Decide":
    if subject is None:
        return resolver.everything

    def decide(order: "Order") -> "Resolution":
        try:
            return resolver.batch(subject, order)
        except UnknownIdError:
            return resolver.email(subject, order)

    return decide


def _others(counts: "Resolution") -> str:
    others = [
        (counts.proven, "proved to be sent by an SES event"),
        (counts.waiting, "still within the window in which an event may settle them"),
        (counts.impossible, "cannot be sent: the batch is cancelled, or the payload is not kept any more"),
    ]
    return "".join(f"; {number} {what}" for number, what in others if number)
