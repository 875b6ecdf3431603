"""Starting with an environment that makes no sense: one line that names the variable, and an exit code."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
BIN = Path(sys.prefix) / "bin"

CELERY = [BIN / "celery", "-A", "ems.celery"]
GUNICORN = [BIN / "gunicorn", "api:app", "--bind", "127.0.0.1:0", "--no-control-socket"]


def start(command: list[str | Path], **variables: str) -> "subprocess.CompletedProcess[str]":
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "EMS_", "COV_"))}
    return subprocess.run(
        command, cwd=REPOSITORY, env={**kept, **variables}, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    ("command", "variable", "value"),
    [
        ([*CELERY, "worker"], "EMS_MAX_SEND_RATE", "-1"),
        ([*CELERY, "beat"], "AWS_ENDPOINT_URL", "foo"),
        ([*CELERY, "flower"], "EMS_TASK_RATE_LIMIT", "fast"),
        (GUNICORN, "EMS_PUBLIC_URL", "ems.example.com"),
        ([BIN / "ems", "up"], "PORT", "abc"),
        ([BIN / "ems", "up"], "EMS_MAX_SEND_RATE", "-1"),
        ([BIN / "ems", "demo"], "FLOWER_PORT", "70000"),
        ([BIN / "ems", "local"], "EMS_LOCAL_AWS_PORT", "abc"),
        ([BIN / "ems", "local"], "EMS_LOCAL_SES_PORT", "0"),
        ([BIN / "ems", "provision"], "AWS_REGION", "eu west"),
        ([BIN / "ems", "keys", "create", "k", "--scope", "send"], "AWS_ENDPOINT_URL_DYNAMODB", "foo"),
    ],
    ids=lambda value: None if isinstance(value, list) else value,
)
def test_a_process_that_cannot_start_says_which_variable_to_change(
    command: list[str | Path], variable: str, value: str
) -> None:
    ended = start(command, **{variable: value})
    [line] = ended.stderr.splitlines()
    assert line.removeprefix("Error: ").startswith(f"{variable}={value!r}: ")
    assert ended.returncode == 1
