"""``ems erase``."""

import sys
import time
from typing import TYPE_CHECKING

import click

from ems.cli.progress import progress_bar
from ems.cli.shared import confirmed, moment, services_of_environment, told_to_people

if TYPE_CHECKING:
    from ems.erasure.eraser import Eraser
    from ems.store.erasures import Erasure

STEP_SECONDS = 5.0

WAIT_SECONDS = 2.0


@click.command()
@click.argument("address")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--wait", is_flag=True, help="Stay until it has looked once more for what processes had in hand.")
def erase(*, address: str, yes: bool, wait: bool) -> None:
    """Take the person behind ADDRESS out of all records; counts, stats and audits stay as they are.

    What waits for the address is not sent any more. Whoever was suppressed stays so. A second look some minutes later
    is taken by the control process, or here with --wait. Repeating the command does no harm.
    """
    click.echo(f"All records of {address} will be erased, and what waits for it will not be sent.", err=True)
    if not confirmed(yes=yes):
        return
    eraser = services_of_environment().eraser
    with told_to_people():
        erasure = _carried_out(eraser, eraser.begin(address), wait=wait)
    _tell(erasure)
    sys.exit(1 if erasure.problem else 0)


def _carried_out(eraser: "Eraser", erasure: "Erasure", *, wait: bool) -> "Erasure":
    """Work, or watch while another process does, until the first look is over; with *wait* until all is done."""
    with progress_bar("records") as bar:
        while erasure.done_at is None and (wait or erasure.round == 1) and erasure.problem is None:
            before = erasure
            erasure = eraser.work(erasure, seconds=STEP_SECONDS)
            bar.advance(erasure.read - before.read, None)
            if (erasure.round, erasure.place, erasure.cursor) == (before.round, before.place, before.cursor):
                time.sleep(WAIT_SECONDS)
    return erasure


def _tell(erasure: "Erasure") -> None:
    click.echo(f"{erasure.mails} mails and {erasure.payloads} messages at rest name it no more ({erasure.erasure_id})")
    if erasure.problem is not None:
        click.echo(f"not finished: {erasure.problem}; control goes on, or repeat the command", err=True)
    elif erasure.done_at is None:
        click.echo(f"control looks once more after {moment(erasure.look_again_at)}")
