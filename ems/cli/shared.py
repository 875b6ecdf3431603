"""What the commands share: settings and services, the console, and errors told to people."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click
from rich.console import Console

from ems.errors import EmsError
from ems.settings import Settings

if TYPE_CHECKING:
    from ems.wiring import Services

PIPE_WIDTH = 250
"""Columns of a table that goes to a file or another program: there a cell that is broken in two is found by nobody."""

console = Console(width=None if sys.stdout.isatty() else PIPE_WIDTH)
"""Where tables and progress go."""

BY = "the command line"
"""Who decides here, as it stands on a mail's record."""


def settings_of_environment() -> Settings:
    """Read the settings; a senseless one ends the command with a line that names it."""
    with told_to_people():
        return Settings.from_environment()


def services_of_environment() -> "Services":
    """Put the services together that the environment describes; nothing connects before it is used."""
    from ems.wiring import Services  # noqa: PLC0415 - it imports all of EMS, which --help does not need

    return Services(settings_of_environment())


@contextmanager
def told_to_people() -> Iterator[None]:
    """Turn EMS's own errors into one line and exit code 1."""
    try:
        yield
    except EmsError as error:
        raise click.ClickException(str(error)) from error


def moment(at: float) -> str:
    """Write a time in epoch seconds for people."""
    return datetime.fromtimestamp(at, tz=UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def confirmed(*, yes: bool) -> bool:
    """Ask whether to go on, unless that was said with the command."""
    return yes or click.confirm("Go on?", default=False)


@contextmanager
def named_when_whole(path: Path | None) -> Iterator[TextIO]:
    """Open what is written to: standard output, or FILE.part, which becomes FILE when nothing went wrong."""
    if path is None:
        yield sys.stdout
        return
    part = path.with_name(f"{path.name}.part")
    try:
        file = part.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise click.FileError(str(part), error.strerror or "cannot be written") from error
    with file:
        yield file
    part.replace(path)
