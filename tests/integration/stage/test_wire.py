"""The wire finds the process behind a request, and a supervisor starts again what dies."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from stage import acts
from stage.exchange import Spot
from stage.other_ses import OtherSes
from stage.polling import until
from stage.product import kill_all
from stage.supervisor import Supervisor
from stage.wire import Trap, Wire

pytestmark = pytest.mark.processes

ACCOUNT = "/v2/email/account"
ASK = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).status)"


@pytest.fixture
def wire() -> Iterator[Wire]:
    ses = OtherSes(rate=100)
    with Wire(aws_url=ses.url, ses_url=ses.url) as wire:
        yield wire
    ses.vanish()


def ask(wire: Wire) -> "subprocess.CompletedProcess[str]":
    """Ask for the account, as a process of its own."""
    command = [sys.executable, "-c", ASK, wire.url + ACCOUNT]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)


def test_a_request_without_a_trap_passes(wire: Wire) -> None:
    assert requests.get(wire.url + ACCOUNT, timeout=10).json()["SendingEnabled"]


def test_the_process_that_asked_is_killed_and_no_other(wire: Wire) -> None:
    trap = Trap(Spot("GetAccount"), acts.kill_before)
    with wire.trapped(trap):
        assert ask(wire).returncode == -signal.SIGKILL
        assert ask(wire).stdout.strip() == "200"
    assert len(trap.strikes) == 1


def test_an_answer_is_lost_after_the_service_did_what_it_was_asked(wire: Wire) -> None:
    with wire.trapped(Trap(Spot("GetAccount"), acts.cut_after)), pytest.raises(requests.ConnectionError):
        requests.get(wire.url + ACCOUNT, timeout=10)


def test_a_supervisor_starts_again_what_was_killed(tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_text("clock: sleep 1000\n")
    with Supervisor(tmp_path, environment={"PATH": "/usr/bin:/bin"}, directory=tmp_path) as supervisor:
        supervisor.start("clock")
        [first] = until(supervisor.pids)
        kill_all([first])
        until(lambda: supervisor.restarts == 1)
        [second] = until(supervisor.pids)
        assert second != first
    assert not supervisor.pids()
