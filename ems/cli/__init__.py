"""The ``ems`` command: one module for each kind of subcommand, registered here.

Modules of the product that take long to import are imported inside the command that needs them, so that ``ems --help``
and the completion of a shell stay quick.
"""

import click

from ems.cli import audit, breaker, dlq, emails, erase, keys, local, resolve, retry, stats, suppressions, trace


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """EMS, the Email Management System."""


for command in (
    local.local,
    local.provision,
    local.up,
    local.demo,
    local.simulate,
    audit.audit,
    resolve.resolve,
    retry.retry,
    emails.emails,
    trace.trace,
    stats.stats,
    dlq.dlq,
    suppressions.suppressions,
    erase.erase,
    breaker.breaker,
    keys.keys,
):
    main.add_command(command)
