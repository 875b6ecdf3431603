"""``ems dlq``: messages that were received five times and never done."""

import json
import sys
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click
from rich.markup import escape
from rich.table import Table

from ems import queues
from ems.cli.shared import console, moment, services_of_environment, told_to_people

if TYPE_CHECKING:
    from ems.sending.dead_letters import DeadLetters, Summary
    from ems.sending.letters import Letter

QUEUE = click.Choice(queues.ALL_QUEUES)
REASONS_SHOWN = 2


@click.group()
def dlq() -> None:
    """Dead letters: messages that no worker could finish. QUEUE is the queue that they come from."""


@dlq.command("list")
@click.argument("queue", required=False, type=QUEUE)
def list_letters(*, queue: str | None) -> None:
    """Count the dead letters of all queues; with a QUEUE list each of its letters, the oldest first."""
    dead_letters = _dead_letters()
    with told_to_people():
        if queue is None:
            console.print(_summaries(dead_letters.summary(name) for name in queues.ALL_QUEUES))
        else:
            console.print(_letters(dead_letters.letters(queue)))


@dlq.command()
@click.argument("identifier", metavar="ID")
def show(*, identifier: str) -> None:
    """Tell the story of one letter: what it asks for, and how each of its runs failed."""
    with told_to_people():
        letter = _dead_letters().find(identifier)
    if letter is None:
        raise click.ClickException(f"no dead letter {identifier}; `ems dlq list QUEUE` lists them")
    for name, value in _story(letter):
        console.print(f"[bold]{name:<11}[/]{escape(value)}", soft_wrap=True)
    runs = Table("when", "receive", "how it failed")
    for run in letter.runs:
        runs.add_row(moment(run.at), str(run.receive), escape(run.error))
    if letter.runs:
        console.print(runs)


@dlq.command()
@click.argument("queue", type=QUEUE)
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--yes", is_flag=True, help="Do not ask.")
def redrive(*, queue: str, ids: tuple[str, ...], yes: bool) -> None:
    """Try the letters of a QUEUE again, or those of the IDs alone. Nothing is sent twice by that."""
    dead_letters = _dead_letters()
    with told_to_people():
        _agree(dead_letters, queue, ids, doing="try again", yes=yes)
        moved = dead_letters.redrive(queue, ids or None)
    click.echo(f"{moved} of {queues.dead_letter(queue)} are tried again")
    sys.exit(1 if ids and moved < len(set(ids)) else 0)


@dlq.command()
@click.argument("queue", type=QUEUE)
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--yes", is_flag=True, help="Do not ask.")
def drop(*, queue: str, ids: tuple[str, ...], yes: bool) -> None:
    """Give the letters of a QUEUE up, or those of the IDs alone. Mails that they carry end as failed."""
    dead_letters = _dead_letters()
    with told_to_people():
        _agree(dead_letters, queue, ids, doing="give up", yes=yes)
        dropped = dead_letters.drop(queue, ids or None)
    click.echo(f"{dropped.gone} of {queues.dead_letter(queue)} are gone")
    for letter, why in dropped.kept:
        click.echo(f"{letter.id} stays: {why}")
    sys.exit(1 if dropped.kept or (ids and dropped.gone < len(set(ids))) else 0)


def _dead_letters() -> "DeadLetters":
    return services_of_environment().dead_letters


def _agree(dead_letters: "DeadLetters", queue: str, ids: tuple[str, ...], *, doing: str, yes: bool) -> None:
    number = len(set(ids)) or dead_letters.count(queue)
    what = f"{doing} {number} letter{'' if number == 1 else 's'} of {queues.dead_letter(queue)}"
    if yes:
        click.echo(what)
    elif number:
        click.confirm(what[0].upper() + what[1:] + "?", abort=True)


def _summaries(summaries: Iterable["Summary"]) -> Table:
    table = Table("queue", "letters", "oldest", "newest", "why")
    for one in summaries:
        reasons = [f"{number} x {reason}" for reason, number in one.reasons.most_common(REASONS_SHOWN)]
        table.add_row(one.queue, str(one.letters), _age(one.oldest_at), _age(one.newest_at), escape("\n".join(reasons)))
    return table


def _letters(letters: Iterable["Letter"]) -> Table:
    table = Table("id", "task", "about", "age", "why")
    table.columns[0].no_wrap = True
    for one in letters:
        table.add_row(one.id, escape(one.task or ""), escape(one.about), _age(one.message.sent_at), escape(one.reason))
    return table


def _story(letter: "Letter") -> list[tuple[str, str]]:
    return [
        ("id", letter.id),
        ("queue", letter.queue),
        ("task", letter.task or "none"),
        ("about", letter.about),
        ("sent", f"{moment(letter.message.sent_at)} ({_age(letter.message.sent_at)} ago)"),
        ("arguments", json.dumps(letter.arguments, ensure_ascii=False)),
        ("why", letter.reason),
    ]


def _age(at: float | None) -> str:
    if at is None:
        return ""
    minutes, seconds = divmod(int(max(time.time() - at, 0)), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s")]
    first = next((place for place, (number, _) in enumerate(parts) if number), len(parts) - 1)
    return " ".join(f"{number} {unit}" for number, unit in parts[first : first + 2])
