"""``ems demo``, as `make demo` runs it: exit code 0 only when everything adds up, and nothing left behind."""

import os
import signal
import subprocess
import uuid
from pathlib import Path

import pytest
from stage.polling import until
from stage.product import BIN, MARK, REPOSITORY, bare_environment, marked

from ems.local.processes import free_port

pytestmark = pytest.mark.processes

PORTS = ("PORT", "FLOWER_PORT", "EMS_LOCAL_AWS_PORT", "EMS_LOCAL_SES_PORT")
"""Ports of this run's own: another demo may be running on this machine."""


def start(directory: Path, log: Path, mark: str) -> "subprocess.Popen[bytes]":
    """Run the demo in a directory of links to the repository: two in one would write into one log."""
    for entry in REPOSITORY.iterdir():
        if entry.name != ".var":
            (directory / entry.name).symlink_to(entry)
    with log.open("wb") as output:
        return subprocess.Popen(
            [BIN / "ems", "demo"],
            cwd=directory,
            env=bare_environment(**{MARK: mark, "COLUMNS": "160"}, **{port: str(free_port()) for port in PORTS}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def test_the_demo_adds_up_and_leaves_no_process_behind(tmp_path: Path) -> None:
    log, mark = tmp_path / "demo.log", uuid.uuid4().hex
    with start(tmp_path, log, mark) as demo:
        code = demo.wait(115)
    assert code == 0, log.read_text()
    assert "everything adds up" in log.read_text()
    assert marked(mark) == []


@pytest.mark.parametrize(
    ("moment", "number"), [("gunicorn api:app", signal.SIGTERM), ("accepted 1000 bulk recipients", signal.SIGINT)]
)
def test_a_demo_that_is_interrupted_leaves_no_process_behind(
    tmp_path: Path, moment: str, number: signal.Signals
) -> None:
    log, mark = tmp_path / "demo.log", uuid.uuid4().hex
    with start(tmp_path, log, mark) as demo:
        until(lambda: moment in log.read_text() or any(moment in command for _, command in marked(mark)), every=0.01)
        os.killpg(demo.pid, number)  # as a terminal does: to everything in the foreground
        code = demo.wait(60)
    assert code not in {0, -signal.SIGKILL}
    until(lambda: not marked(mark), seconds=10)
    assert "Traceback" not in log.read_text()
