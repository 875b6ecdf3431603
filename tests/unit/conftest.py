"""Unit tests touch no network; AWS is moto, in process."""

from collections.abc import Iterator

import pytest
import pytest_socket
from fakes.clock import Clock
from fakes.queues import MemorySqs
from fakes.tables import moto_tables

from ems.store.tables import Tables


@pytest.fixture(autouse=True)
def _aws_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials that open nothing."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


@pytest.fixture(autouse=True)
def _sockets(request: pytest.FixtureRequest) -> Iterator[None]:
    """No connection but to loopback, and that only for a test that asks for ``loopback``.

    Connecting is forbidden, not sockets themselves: a server that integration tests share in this worker goes on.
    """
    allowed = ["127.0.0.1"] if "loopback" in request.fixturenames else []
    pytest_socket.socket_allow_hosts(allowed, allow_unix_socket=True)
    yield
    pytest_socket._remove_restrictions()


@pytest.fixture
def loopback() -> None:
    """Let the test listen and connect on 127.0.0.1."""


@pytest.fixture
def tables() -> Iterator[Tables]:
    """The tables, empty."""
    with moto_tables() as made:
        yield made


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sqs(clock: Clock) -> MemorySqs:
    return MemorySqs(clock)
