"""``ems keys``."""

import click

from ems.cli.shared import services_of_environment, told_to_people
from ems.store.scopes import SCOPES, Scope


@click.group()
def keys() -> None:
    """API keys."""


@keys.command("create")
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, type=click.Choice(SCOPES), required=True)
def create_key(*, name: str, scopes: tuple[Scope, ...]) -> None:
    """Make a key called NAME and print it; it cannot be read again."""
    services = services_of_environment()
    with told_to_people():
        key, token = services.api_keys.create(name, scopes)
    click.echo(f"{key.key_id}\n{token}")
