"""DynamoDB's failures in EMS's words."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.exceptions import DoesNotExist, PynamoDBException, TableDoesNotExist, TransactWriteError

from ems.errors import UnavailableError

Result = TypeVar("Result")
Params = ParamSpec("Params")

CONDITION_FAILED = "ConditionalCheckFailedException"
CONFLICT_CODES = frozenset({"TransactionConflict", "TransactionConflictException"})

PATIENT_ATTEMPTS = 10
"""About nine seconds of waiting in all."""

_PASSING = frozenset(
    {
        "InternalServerError",
        "InternalFailure",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "ProvisionedThroughputExceeded",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ThrottlingException",
        "ThrottlingError",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
"""Error codes that pass by themselves."""


def is_conflict(error: PynamoDBException) -> bool:
    """Tell whether another transaction held the item at that moment: try again."""
    if _code(error) in CONFLICT_CODES:
        return True
    return bool(CONFLICT_CODES & _cancellation_codes(error))


def has_failed_condition(error: PynamoDBException) -> bool:
    """Tell whether a write was refused by its condition, or a transaction by that of one of its items."""
    return _code(error) == CONDITION_FAILED or "ConditionalCheckFailed" in _cancellation_codes(error)


def conditionally(
    doing: str, write: Callable[Params, object], /, *arguments: Params.args, **options: Params.kwargs
) -> bool:
    """Write on a condition: True when it was written, False when the condition did not hold.

    Args:
        doing: What cannot be done, as for :func:`translated`.
        write: A method of a row (``save``, ``update``, ``delete``), called with the other arguments.
        arguments: Of *write*.
        options: Of *write*, the condition among them.

    Raises:
        UnavailableError: DynamoDB cannot be reached; it may or may not have been written.
    """
    try:
        with translated(doing):
            write(*arguments, **options)
    except PynamoDBException as error:
        if not has_failed_condition(error):
            raise
        return False
    return True


def patiently(write: Callable[[], Result], *, sleep: Callable[[float], None]) -> Result:
    """Repeat *write* while DynamoDB is out of reach; only for writes that may be repeated.

    For what SES answered: it is known here alone, and worth more patience than anything else.

    Raises:
        UnavailableError: All attempts failed; any of them may have been written.
    """
    for attempt in range(PATIENT_ATTEMPTS - 1):
        try:
            return write()
        except UnavailableError:
            sleep(min(0.05 * 2**attempt, 2.0))
    return write()


def _code(error: PynamoDBException) -> str | None:
    """Return DynamoDB's error code; None when no answer came.

    PynamoDB's ``cause_response_code`` fails with AttributeError on a lost connection or a timeout: botocore's
    HTTPClientError has a ``response`` that is None.
    """
    return error.cause.response["Error"].get("Code") if isinstance(error.cause, ClientError) else None


def _cancellation_codes(error: PynamoDBException) -> set[str]:
    """Return why a transaction was cancelled; DynamoDB gives a reason for each of its items."""
    if not isinstance(error, TransactWriteError):
        return set()
    return {reason.code for reason in error.cancellation_reasons if reason is not None}


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn what may pass (throttles, 5xx, lost connections, a missing table) into :class:`UnavailableError`.

    Refused conditions and malformed requests go through as they are: they say something about the item or the code.
    """
    try:
        yield
    except DoesNotExist:
        raise
    except TableDoesNotExist as error:
        raise UnavailableError("DynamoDB", f"{doing}: table missing; has `ems provision` run?") from error
    except PynamoDBException as error:
        code = _code(error)
        if code == "ResourceNotFoundException":
            raise UnavailableError("DynamoDB", f"{doing}: table missing; has `ems provision` run?") from error
        if code in _PASSING or _PASSING & _cancellation_codes(error) or not isinstance(error.cause, ClientError):
            raise UnavailableError("DynamoDB", f"{doing} ({code or type(error.cause).__name__})") from error
        raise
    except BotoCoreError as error:
        raise UnavailableError("DynamoDB", f"{doing} ({type(error).__name__})") from error
