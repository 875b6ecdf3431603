"""SES calls that may be repeated.

Every call but the sends is throttled at one a second (SES developer guide, "Service quotas"; it names no burst), so a
throttle is waited out here instead of being shown to the caller.
"""

from collections.abc import Callable
from typing import TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from ems.errors import UnavailableError

WAITS = (1.1, 2.2, 4.4)
"""Seconds before each further try of a throttled call."""

_THROTTLES = frozenset({"TooManyRequestsException", "ThrottlingException", "Throttling", "RequestThrottled"})
_SERVER_ERROR = 500

Answer = TypeVar("Answer")


def patiently(call: Callable[[], Answer], *, doing: str, sleep: Callable[[float], None]) -> Answer:
    """Repeat a call that was throttled or lost; only for calls of which two are as good as one.

    Args:
        call: The call.
        doing: What fails, e.g. ``the template call``.
        sleep: Waits, in seconds.

    Raises:
        ClientError: SES refuses it.
        UnavailableError: SES cannot be reached or keeps throttling.
    """
    for wait in (*WAITS, None):
        try:
            return call()
        except (BotoCoreError, ClientError) as error:
            if not _passes(error):
                raise
            if wait is None:
                raise UnavailableError("SES", f"{doing} failed ({code_of(error)})", retry_after=10) from error
        sleep(wait)
    raise AssertionError("the last try returns or raises")


def code_of(error: BotoCoreError | ClientError) -> str:
    """Name an error as SES or botocore does."""
    if isinstance(error, ClientError):
        return error.response.get("Error", {}).get("Code", "unknown error")
    return type(error).__name__


def _passes(error: BotoCoreError | ClientError) -> bool:
    if isinstance(error, BotoCoreError):
        return True
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return code_of(error) in _THROTTLES or status >= _SERVER_ERROR
