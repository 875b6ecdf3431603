"""CPU and memory of everything that a bench started, by what each process is."""

import time
from collections import defaultdict
from dataclasses import dataclass

import psutil

EMS = ("web", "sender", "events", "control", "beat", "flower")
"""The Procfile's processes; the others are the embedded AWS and the process manager."""

_MARKS = {
    "ems/local/emulator.py": "emulator",
    "ems.local.simulator": "simulator",
    "gunicorn": "web",
    "sender@": "sender",
    "events@": "events",
    "control@": "control",
    "celery flower": "flower",
    "celery beat": "beat",
    "ems.celery flower": "flower",
    "ems.celery beat": "beat",
    "honcho": "honcho",
}


@dataclass(frozen=True, slots=True)
class Usage:
    """Seconds of CPU since the processes started, and MiB in use now."""

    at: float
    cpu_seconds: dict[str, float]
    memory_mib: dict[str, float]

    def since(self, earlier: "Usage") -> dict[str, float]:
        """Return the cores that each kind of process kept busy since *earlier*."""
        seconds = self.at - earlier.at
        return {name: (spent - earlier.cpu_seconds.get(name, 0)) / seconds for name, spent in self.cpu_seconds.items()}


def usage() -> Usage:
    """Read what the descendants of this process use. One that ends takes what it used with it."""
    cpu: defaultdict[str, float] = defaultdict(float)
    memory: defaultdict[str, float] = defaultdict(float)
    for process in psutil.Process().children(recursive=True):
        try:
            name = _name(" ".join(process.cmdline()))
            times, resident = process.cpu_times(), process.memory_info().rss
        except psutil.Error:  # it has just ended
            continue
        cpu[name] += times.user + times.system
        memory[name] += resident / 2**20
    return Usage(time.monotonic(), dict(cpu), dict(memory))


def _name(command: str) -> str:
    return next((name for mark, name in _MARKS.items() if mark in command), "other")
