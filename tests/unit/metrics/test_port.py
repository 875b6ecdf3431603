"""Where worker processes are scraped."""

import json
import socket
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Counter

from ems.metrics.port import PORTS, MetricsPort

pytestmark = pytest.mark.usefixtures("loopback")

LOOPBACK = "127.0.0.1"


@pytest.fixture
def registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    Counter("mails", "Mails.", registry=registry).inc(7)
    return registry


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that another process has."""
    with socket.socket() as other:
        other.bind((LOOPBACK, 0))
        other.listen()
        yield other.getsockname()[1]


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def port_of(
    registry: CollectorRegistry, first_port: int, opened: ExitStack, targets: Path | None = None
) -> MetricsPort:
    port = MetricsPort(registry, address=LOOPBACK, first_port=first_port, targets=targets)
    opened.callback(port.close)
    return port


def test_each_process_takes_the_first_free_port(registry: CollectorRegistry, taken: int, opened: ExitStack) -> None:
    port = port_of(registry, taken, opened).open("sender")
    assert port is not None
    assert taken < port < taken + PORTS
    with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/metrics") as answer:
        assert "mails_total 7.0" in answer.read().decode()


def test_no_port_is_opened_when_it_is_turned_off(registry: CollectorRegistry, opened: ExitStack) -> None:
    assert port_of(registry, 0, opened).open("sender") is None


def test_prometheus_is_told_of_the_process_as_long_as_it_lives(
    registry: CollectorRegistry, taken: int, opened: ExitStack, tmp_path: Path
) -> None:
    targets = tmp_path / "made" / "when needed"
    process = port_of(registry, taken, opened, targets)
    port = process.open("sender")
    [file] = targets.iterdir()
    assert json.loads(file.read_text()) == [{"targets": [f"{LOOPBACK}:{port}"], "labels": {"process": "sender"}}]
    process.close()
    process.close()
    assert list(targets.iterdir()) == []


def test_who_takes_the_place_of_a_killed_process_takes_its_file_too(
    registry: CollectorRegistry, taken: int, opened: ExitStack, tmp_path: Path
) -> None:
    process = port_of(registry, taken, opened, tmp_path)
    port = process.open("events")
    assert port is not None
    left_behind = next(tmp_path.iterdir()).read_bytes()
    process.close()
    (tmp_path / f"ems-worker-{port}.json").write_bytes(left_behind)  # SIGKILL leaves it
    port_of(registry, port, opened, tmp_path).open("sender")
    [file] = tmp_path.iterdir()
    assert json.loads(file.read_text())[0]["labels"] == {"process": "sender"}


def test_a_folder_that_cannot_be_written_keeps_no_process_from_working(
    registry: CollectorRegistry, taken: int, opened: ExitStack, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    assert port_of(registry, taken, opened, tmp_path / "file").open("sender") is not None
