"""Waiting for what other processes do."""

import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")

PATIENCE_SECONDS = 90.0
"""Far more than anything takes on a quiet machine: a deadline, never an expectation."""


def until(look: Callable[[], Value], *, seconds: float = PATIENCE_SECONDS, every: float = 0.1) -> Value:
    """Look again and again until there is something to see, and return it."""
    deadline = time.monotonic() + seconds
    while True:
        seen = look()
        if seen or time.monotonic() > deadline:
            assert seen, f"still {seen!r} after {seconds:.0f} s"
            return seen
        time.sleep(every)
