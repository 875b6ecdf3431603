"""One child process that serves HTTP on loopback: start it, wait until it answers, stop it and leave nothing behind."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from ems.errors import EmsError

LOOPBACK = "127.0.0.1"
START_SECONDS = 20.0
STOP_SECONDS = 5.0
MAX_PORT = 65_535


class ServiceError(EmsError):
    """An embedded service cannot come up, or died; the message says what to do or names its log."""


def port_of(variable: str, default: int) -> int:
    """Read a port from the environment; *default* when it is unset or empty.

    Raises:
        ServiceError: It is no port.
    """
    text = os.environ.get(variable) or str(default)
    if not text.isdecimal() or not 0 < int(text) <= MAX_PORT:
        raise ServiceError(f"{variable}={text!r}: name a port from 1 to {MAX_PORT}, or leave it out for {default}")
    return int(text)


def free_port(preferred: int = 0) -> int:
    """Return *preferred* when nothing listens there, else a free loopback port. 0 means any."""
    for candidate in (preferred, 0):
        with socket.socket() as probe:
            # As servers do: a port whose last connections linger in TIME_WAIT counts as free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, candidate))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ServiceError("no free loopback port is left")


class Running(ABC):
    """What runs inside a ``with`` block and leaves nothing behind outside."""

    @abstractmethod
    def start(self) -> None:
        """Start, and return when it can be used; when it cannot, nothing runs on."""

    @abstractmethod
    def stop(self) -> None:
        """Stop. Twice does no harm."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class Service:
    """A server in a process group of its own, so that a Ctrl-C meant for the parent does not tear it down first."""

    def __init__(
        self, name: str, command: Sequence[str], *, port: int, health: str, environment: Mapping[str, str], log: Path
    ) -> None:
        self.name = name
        self.port = port
        self._command = command
        self._health = health
        self._environment = environment
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> Self:
        """Start the process without waiting for it.

        Raises:
            ServiceError: Its port is taken.
        """
        if free_port(self.port) != self.port:
            raise ServiceError(f"{self.name}: port {self.port} is taken; choose another")
        tether = (sys.executable, "-I", "-S", str(Path(__file__).with_name("tether.py")), str(os.getpid()))
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - the launcher's own command
                (*tether, *self._command),
                env=dict(self._environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    def wait_until_ready(self, *, seconds: float = START_SECONDS) -> None:
        """Return when the health path answers 200.

        Raises:
            ServiceError: The process ended, or does not answer in time.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.check()
            if self._answers():
                return
            time.sleep(0.02)
        raise ServiceError(f"{self.name} does not answer on port {self.port}; see {self._log}")

    def check(self) -> None:
        """Raise :class:`ServiceError` when the process has ended."""
        if self._process is not None and (code := self._process.poll()) is not None:
            raise ServiceError(f"{self.name} ended with code {code}; see {self._log}")

    def stop(self, *, seconds: float = STOP_SECONDS) -> None:
        """Ask with SIGTERM, insist with SIGKILL; also for what the process itself started. Twice does no harm."""
        if self._process is None:
            return
        self._signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):  # the SIGKILL below is the answer
            self._process.wait(seconds)
        self._signal(signal.SIGKILL)
        self._process.wait()
        self._process = None

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):  # the whole group is gone, which is what was wanted
                os.killpg(self._process.pid, number)

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=2)
        try:
            connection.request("GET", self._health)
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
