"""An account of its own on an embedded SQS and DynamoDB, without SES and SNS."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ems.local.launcher import LocalAws, free_port
from ems.local.provision import Provisioner
from ems.settings import Settings
from ems.wiring import Services


@contextmanager
def account(directory: Path, **variables: str) -> Iterator[tuple[LocalAws, Services]]:
    """Run it with its tables and queues; from then on the environment points at it and holds *variables*."""
    aws = LocalAws(aws_port=free_port(), ses_port=None, state_dir=directory)
    aws.start()
    try:
        os.environ.update(aws.environment(), **variables)
        services = Services(Settings.from_environment())
        for step in Provisioner(services.settings).run(webhook=False):
            if step.error and step.what.startswith(("table", "queue")):
                raise SystemExit(f"{step.what}: {step.error}")
        yield aws, services
    finally:
        aws.stop()
