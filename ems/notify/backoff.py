"""When an endpoint that failed is tried again."""

from collections.abc import Callable

FIRST_SECONDS = 5.0
LONGEST_SECONDS = 3600.0
"""Whatever the endpoint asks for: one that is well again must not wait for half a day."""


def wait_seconds(failures: int, *, asked_for: float | None, jitter: Callable[[], float]) -> float:
    """Return for how long to leave alone an endpoint that has failed *failures* times, at least once.

    Args:
        failures: How often it failed one after the other.
        asked_for: Its Retry-After, in seconds.
        jitter: A number from 0 to 1: many endpoints of one host must not all come back at one moment.
    """
    doubled = FIRST_SECONDS * 2.0 ** min(failures - 1, 20)
    own: float = min(doubled, LONGEST_SECONDS) * (0.5 + jitter() / 2)
    return max(own, min(asked_for or 0.0, LONGEST_SECONDS))
