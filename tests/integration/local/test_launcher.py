"""The launcher leaves nothing behind, however it ends."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ems.local.launcher import LocalAws, ServiceError, free_port

pytestmark = pytest.mark.processes

Eventually = Callable[[Callable[[], Any]], Any]
RUN = "from ems.local.launcher import run_local; run_local(without_ses={without_ses})"


def start(tmp_path: Path, *, aws_port: int, ses_port: int, without_ses: bool = False) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", RUN.format(without_ses=without_ses)],
        env={**os.environ, "EMS_LOCAL_AWS_PORT": str(aws_port), "EMS_LOCAL_SES_PORT": str(ses_port)},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    )


def announced(process: "subprocess.Popen[str]") -> dict[str, str]:
    """Read the exported variables up to the line that says that all is up."""
    assert process.stdout is not None
    variables = {}
    for line in process.stdout:
        if "is up" in line:
            return variables
        if line.startswith("export "):
            name, _, value = line.removeprefix("export ").strip().partition("=")
            variables[name] = value
    pytest.fail("it ended before it was up")


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_its_services_when_it_is_asked_to(tmp_path: Path, number: signal.Signals) -> None:
    aws_port, ses_port = free_port(), free_port()
    with start(tmp_path, aws_port=aws_port, ses_port=ses_port) as process:
        variables = announced(process)
        assert variables["AWS_ENDPOINT_URL_SESV2"] == f"http://127.0.0.1:{ses_port}"
        assert variables["EMS_SNS_CERT_URL"].startswith(f"http://127.0.0.1:{ses_port}/SimpleNotificationService-")
        assert listens(aws_port)
        assert listens(ses_port)
        process.send_signal(number)
        assert process.wait(10) == 0
    assert not listens(aws_port)
    assert not listens(ses_port)


@pytest.mark.skipif(sys.platform != "linux", reason="the death signal is Linux's")
def test_its_services_end_even_when_it_is_killed(tmp_path: Path, eventually: Eventually) -> None:
    aws_port, ses_port = free_port(), free_port()
    with start(tmp_path, aws_port=aws_port, ses_port=ses_port) as process:
        announced(process)
        process.kill()
        process.wait(10)
    eventually(lambda: not listens(aws_port) and not listens(ses_port))


def test_without_ses_only_ministack_runs_and_sns_is_its_own(tmp_path: Path) -> None:
    aws_port, ses_port = free_port(), free_port()
    with start(tmp_path, aws_port=aws_port, ses_port=ses_port, without_ses=True) as process:
        variables = announced(process)
        assert variables["AWS_ENDPOINT_URL_SNS"] == variables["AWS_ENDPOINT_URL"]
        assert "EMS_SNS_CERT_URL" not in variables
        assert not listens(ses_port)
        process.terminate()
        assert process.wait(10) == 0


def test_a_taken_port_is_named_and_nothing_is_left_running(tmp_path: Path) -> None:
    aws_port = free_port()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        local = LocalAws(aws_port=aws_port, ses_port=taken.getsockname()[1], state_dir=tmp_path)
        with pytest.raises(ServiceError, match=str(taken.getsockname()[1])):
            local.start()
    assert not listens(aws_port)


def test_a_missing_ministack_is_answered_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMS_LOCAL_AWS_PYTHON", str(tmp_path / "nowhere"))
    with pytest.raises(ServiceError, match="make install"):
        LocalAws(aws_port=free_port(), ses_port=None, state_dir=tmp_path).start()


def test_a_service_that_does_not_start_is_reported_with_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMS_LOCAL_AWS_PYTHON", "/bin/false")
    with pytest.raises(ServiceError, match=r"ministack ended with code 1; see .*ministack\.log"):
        LocalAws(aws_port=free_port(), ses_port=None, state_dir=tmp_path).start()


def test_a_preferred_port_is_taken_when_it_is_free_and_replaced_when_it_is_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert free_port(port) != port
    assert free_port(port) == port
