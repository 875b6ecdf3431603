"""The Procfile's processes under a process manager that starts again what dies.

honcho ends all processes when one of them ends, and leaves the restart to systemd or a container's keeper; this is that
keeper.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from stage.polling import until

from ems.local import tether

LOOK_SECONDS = 0.05
SHORTEST_LIFE_SECONDS = 1.0
"""What dies sooner is started again only after this long."""

GRACE_SECONDS = 30.0
"""How long a process has to end when it is asked to."""


@dataclass(frozen=True)
class Ended:
    """How a process of the line *name* ended after SIGTERM; one that did not do so *by_itself* was killed."""

    name: str
    seconds: float
    by_itself: bool


@dataclass(eq=False)
class _Kept:
    """One process line and what runs of it now."""

    name: str
    environment: Mapping[str, str]
    running: "subprocess.Popen[bytes]"
    since: float


class Supervisor:
    """Starts lines of *repository*'s Procfile; each writes to a log of its own in *directory*."""

    def __init__(self, repository: Path, *, environment: Mapping[str, str], directory: Path) -> None:
        lines = (repository / "Procfile").read_text().splitlines()
        self._commands = dict(line.split(": ", 1) for line in lines)
        # A test run that is killed must not leave them behind.
        self._tether = (sys.executable, "-I", "-S", str(tether.__file__), str(os.getpid()))
        self._repository = repository
        self._environment = dict(environment)
        self._directory = directory
        self._kept: list[_Kept] = []
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self.restarts = 0

    def log(self, name: str) -> Path:
        """Name the log of a line; all processes of the line write to it."""
        return self._directory / f"{name}.log"

    def start(self, name: str, **more: str) -> None:
        """Start one more process of the line *name*, with *more* in its environment."""
        environment = {**self._environment, **more}
        with self._lock:
            self._kept.append(_Kept(name, environment, self._run(name, environment), time.monotonic()))

    def replace(self, *names: str, **more: str) -> list[Ended]:
        """Deploy: ask the processes of lines to end, and start as many with *more* in their environment.

        As an init system does, wait for each only so long.
        """
        with self._lock:
            old = [kept for kept in self._kept if kept.name in names]
            self._kept = [kept for kept in self._kept if kept.name not in names]
        asked = time.monotonic()
        for kept in old:
            kept.running.terminate()
        ended: list[Ended] = []
        while old:
            seconds = time.monotonic() - asked
            gone = [kept for kept in old if kept.running.poll() is not None or seconds > GRACE_SECONDS]
            old = [kept for kept in old if kept not in gone]
            for kept in gone:
                ended.append(Ended(kept.name, round(seconds, 1), by_itself=kept.running.poll() is not None))
                _kill(kept)
                self.start(kept.name, **more)
            time.sleep(LOOK_SECONDS)
        return ended

    def pids(self) -> list[int]:
        """List every process, with those that they started themselves."""
        groups = {kept.running.pid for kept in list(self._kept)}
        found = []
        for entry in Path("/proc").iterdir():
            with suppress(OSError, ValueError):  # no process, or it has ended meanwhile
                if os.getpgid(int(entry.name)) in groups:
                    found.append(int(entry.name))
        return found

    def says(self, name: str, words: str, *, times: int = 1) -> None:
        """Wait until the log of a line holds *words* as often as *times*."""
        try:
            until(lambda: self.log(name).read_text().count(words) >= times)
        except AssertionError:
            raise AssertionError(f"{name} does not say {words!r}:\n{self.log(name).read_text()[-4000:]}") from None

    def __enter__(self) -> Self:
        self._keeper.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._keeper.join()
        for kept in self._kept:
            _kill(kept)  # nothing is asked of them any more

    def _run(self, name: str, environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
        with self.log(name).open("ab") as log:
            return subprocess.Popen(
                [*self._tether, "/bin/sh", "-c", f"exec {self._commands[name]}"],
                cwd=self._repository,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _keep(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            with self._lock:
                for kept in self._kept:
                    lived = time.monotonic() - kept.since
                    if kept.running.poll() is not None and lived > SHORTEST_LIFE_SECONDS:
                        kept.running, kept.since = self._run(kept.name, kept.environment), time.monotonic()
                        self.restarts += 1


def _kill(kept: _Kept) -> None:
    """End what is left of a process and of those that it started."""
    with suppress(ProcessLookupError):
        os.killpg(kept.running.pid, signal.SIGKILL)
    kept.running.wait()
