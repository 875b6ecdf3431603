"""How the governor's threads wait for time and for each other.

An interface of its own, so that :mod:`ems.local.simulation` can run the same governor by a clock that it turns itself.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Condition, Event
from types import TracebackType
from typing import Protocol


class Signal(Protocol):
    """What the governor asks of :class:`threading.Event`."""

    def set(self) -> None:
        """Let everyone pass who waits, now and from now on."""

    def is_set(self) -> bool:
        """Tell whether :meth:`set` was called."""

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for :meth:`set`, at most *timeout* seconds; False when that was too short."""


class Monitor(Protocol):
    """What the governor asks of :class:`threading.Condition`."""

    def __enter__(self) -> bool:
        """Enter alone."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """Let the next one enter."""

    def wait(self, timeout: float | None = None) -> bool:
        """Let others enter until :meth:`notify_all`, at most *timeout* seconds."""

    def notify_all(self) -> None:
        """Let everyone look again who waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """What makes signals and monitors, and the clock by which both measure (seconds of any origin)."""

    signal: Callable[[], Signal]
    monitor: Callable[[], Monitor]
    monotonic: Callable[[], float]


OF_THREADS = Waits(signal=Event, monitor=Condition, monotonic=time.monotonic)
"""The waits of real threads in real time."""
