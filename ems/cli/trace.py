"""``ems trace``."""

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click
from rich.markup import escape
from rich.table import Table

from ems.cli.shared import console, moment, services_of_environment, told_to_people

if TYPE_CHECKING:
    from ems.history.trace import Story
    from ems.store.batches import Batch


@click.command()
@click.argument("email_id", metavar="EMAIL_ID")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of the table.")
def trace(*, email_id: str, as_json: bool) -> None:
    """Tell the whole story of one mail, in the order of time."""
    tracer = services_of_environment().tracer
    with told_to_people():
        story = tracer.story(email_id)
    if as_json:
        click.echo(json.dumps(_json(story)))
        return
    for name, value in _head(story):
        if value:
            console.print(f"[bold]{name:<13}[/]{escape(value)}", soft_wrap=True)
    table = Table("when", "what", "more")
    table.columns[0].no_wrap = True
    for one in story.happened:
        table.add_row(moment(one.at), escape(one.what), escape(_listed(one.about)))
    console.print(table)


def _head(story: "Story") -> Iterator[tuple[str, str | None]]:
    mail = story.mail
    yield "id", mail.email_id
    yield "status", mail.status.value
    yield "reason", mail.reason
    yield "to do", story.to_do
    yield "recipient", mail.recipient
    yield "suppressed", _suppression(story)
    yield "campaign", mail.campaign_id
    yield "batch", _batch(story)
    yield "chunk", _chunk(story)
    yield "repeats", mail.repeats
    yield "request", story.request_id
    yield "SES calls", str(mail.attempts)
    yield "message", ", ".join([mail.message_id or "", *mail.other_message_ids])
    yield "events", ", ".join(f"{int(one['count'])} {name}" for name, one in mail.moments.items())


def _suppression(story: "Story") -> str | None:
    entry = story.suppression
    return None if entry is None else f"{entry.reason}, for {entry.scope} mail"


def _batch(story: "Story") -> str | None:
    batch = story.batch
    if batch is None:
        return None
    due = f", due {moment(batch.send_at)}" if batch.send_at is not None else ""
    name = f" ({batch.name})" if batch.name else ""
    stopped = _stopped(batch)
    return f"{batch.batch_id}{name}: {batch.total} recipients{due}" + (f", {stopped}" if stopped else "")


def _stopped(batch: "Batch") -> str | None:
    """Return what keeps the batch from being sent; its other states are told by its mails."""
    return batch.state if batch.state in {"paused", "cancelled"} else None


def _chunk(story: "Story") -> str | None:
    chunk = story.chunk
    if chunk is None:
        return None if story.batch is None else "no sender has come to the mail yet"
    if chunk.done:
        return f"{story.mail.chunk}: done"
    where = f"with a sender until {moment(chunk.lease_until)}" if chunk.owner else "with no sender"
    return f"{story.mail.chunk}: {chunk.left} left, {where}"


def _listed(about: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in about.items() if value is not None)


def _json(story: "Story") -> dict[str, Any]:
    from ems.history.formats import iso  # noqa: PLC0415 - only this needs them
    from ems.web.answers import Email  # noqa: PLC0415

    batch, chunk, entry = story.batch, story.chunk, story.suppression
    return {
        "email": Email.model_validate(story.mail).model_dump(mode="json"),
        "batch": batch
        and {
            "batch_id": batch.batch_id,
            "name": batch.name,
            "stopped": _stopped(batch),
            "total": batch.total,
            "created_at": iso(batch.created_at),
            "send_at": iso(batch.send_at),
        },
        "chunk": chunk
        and {
            "number": story.mail.chunk,
            "done": chunk.done,
            "left": chunk.left,
            "leased_until": iso(chunk.lease_until) if chunk.owner else None,
        },
        "suppression": entry
        and {
            "reason": entry.reason,
            "scope": entry.scope,
            "source": entry.source,
            "email_id": entry.email_id,
            "since": iso(entry.since),
        },
        "request_id": story.request_id,
        "happened": [{"at": iso(one.at), "what": one.what, "about": dict(one.about)} for one in story.happened],
        "to_do": story.to_do,
    }
