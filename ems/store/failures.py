"""DynamoDB's failures in EMS's words."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.exceptions import DoesNotExist, PynamoDBException, TableDoesNotExist, TransactWriteError

from ems.errors import UnavailableError

Result = TypeVar("Result")

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


def is_condition_failure(error: PynamoDBException) -> bool:
    """Tell whether a single conditional write was refused by its condition."""
    return _code(error) == CONDITION_FAILED


def is_conflict(error: PynamoDBException) -> bool:
    """Tell whether another transaction held the item at that moment: try again."""
    if _code(error) in CONFLICT_CODES:
        return True
    return bool(CONFLICT_CODES & _cancellation_codes(error))


def has_failed_condition(error: TransactWriteError) -> bool:
    """Tell whether a transaction was cancelled because a condition of one of its items did not hold."""
    return "ConditionalCheckFailed" in _cancellation_codes(error)


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
