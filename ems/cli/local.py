"""Commands that run EMS on this machine, and the one that prepares an account for it."""

import json
import logging
import secrets
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click
import structlog
from rich.console import Console

from ems.cli.shared import console, settings_of_environment, told_to_people
from ems.local import launcher

STATE_DIR = Path(".var")
TABLE_WIDTH = 150


@click.command()
@click.option("--without-ses", is_flag=True, help="Leave the SES simulator out; SNS is ministack's then.")
@click.option("--rate", default=100.0, show_default=True, help="The simulated account's recipients a second.")
def local(*, without_ses: bool, rate: float) -> None:
    """Serve the embedded AWS alone, until Ctrl-C. Prints the variables that point at it."""
    with told_to_people():
        launcher.run_local(without_ses=without_ses, rate=rate, state_dir=STATE_DIR / "local")


@click.command()
@click.option("--webhook/--no-webhook", default=True, help="Subscribe EMS_PUBLIC_URL/webhooks/ses to the topic.")
@click.option("--queue/--no-queue", default=False, help="Subscribe the queue email-events itself, too or instead.")
def provision(*, webhook: bool, queue: bool) -> None:
    """Prepare the account that the standard AWS variables point at; a second run changes nothing."""
    from ems.local.provision import Provisioner  # noqa: PLC0415 - only this command needs it

    settings = settings_of_environment()
    provisioner = Provisioner(settings)
    failed = False
    for step in provisioner.run(webhook=webhook, queue=queue):
        failed |= step.error is not None
        click.echo(f"{'FAILED' if step.error else 'ok':<7}{step.what}" + (f": {step.error}" if step.error else ""))
    if provisioner.topic_arn:
        click.echo(
            f"\nThe web process accepts events of this topic only when it is told so:\n"
            f"export EMS_SNS_TOPIC_ARNS={provisioner.topic_arn}"
        )
    if not settings.unsubscribe_secrets:
        click.echo(
            f"\nBulk mail needs a secret for its links, the same for all processes; here is a new one:\n"
            f"export EMS_UNSUBSCRIBE_SECRETS={secrets.token_hex(32)}"
        )
    sys.exit(1 if failed else 0)


@click.command()
@click.option("--rate", default=100.0, show_default=True, help="The simulated account's recipients a second.")
def up(*, rate: float) -> None:
    """Start everything on embedded services and stay up until Ctrl-C."""
    from ems.local.stack import Stack  # noqa: PLC0415 - only this command needs it

    with told_to_people(), _ended_by_signals(), Stack(state_dir=STATE_DIR / "up", rate=rate) as stack:
        click.echo(f"API      {stack.url}  (docs at {stack.url}/docs)")
        click.echo(f"key      {stack.api_key}")
        click.echo(f"mails    {stack.aws.ses_url}")
        click.echo(f"Flower   {stack.flower_url}")
        click.echo(f"logs     {stack.log}\nCtrl-C stops everything.\n")
        with stack.log.open() as lines:
            while True:
                stack.check()
                sys.stdout.write(lines.read())
                sys.stdout.flush()
                time.sleep(0.3)


@click.command()
def demo() -> None:
    """Run the main job on embedded services; exits 0 only when everything adds up."""
    from ems.local import demo as demonstration  # noqa: PLC0415 - only this command needs it

    with told_to_people(), _ended_by_signals():
        sys.exit(demonstration.run(state_dir=STATE_DIR / "demo", console=console))


@click.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@click.option("--json", "as_json", is_flag=True, help="One JSON line a case instead of the table.")
@click.pass_context
def simulate(context: click.Context, *, as_json: bool) -> None:
    """Simulate the governor: the grid that its defaults rest on, or one case.

    A case is named by what it changes, e.g. --processes 4 --rate 1000 --headroom 0.03 --seed 7; docs/adr/0013 and
    ems/local/simulation/case.py tell what there is. The same seed gives the same figures.
    """
    from ems.local.simulation import grid  # noqa: PLC0415 - only this command needs it
    from ems.local.simulation.case import CaseError, case_of  # noqa: PLC0415
    from ems.local.simulation.run import simulate as run  # noqa: PLC0415

    # The governor's warnings of throttles are in the figures; on standard output they would stand between them.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    try:
        chosen = [("as asked", case_of(context.args))] if context.args else list(grid.cases())
    except CaseError as error:
        raise click.UsageError(str(error)) from error
    rows = grid.table()
    for name, case in chosen:
        figures = run(case)
        if as_json:
            click.echo(json.dumps(grid.as_json(name, case, figures)))
        else:
            grid.add(rows, name, case, figures)
    if not as_json:
        Console(width=TABLE_WIDTH).print(rows)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM unwind the stack, so that everything that was started is stopped."""

    def leave(_number: int, _frame: FrameType | None) -> NoReturn:
        # Once is enough: a second Ctrl-C must not interrupt the cleaning up.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        sys.exit(130)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, leave)
    yield
