"""DynamoDB's failures in EMS's words."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.exceptions import DoesNotExist, PynamoDBException, TableDoesNotExist, TransactWriteError

from ems.errors import UnavailableError

CONDITION_FAILED = "ConditionalCheckFailedException"
CONFLICT_CODES = frozenset({"TransactionConflict", "TransactionConflictException"})

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
    return error.cause_response_code == CONDITION_FAILED


def is_conflict(error: PynamoDBException) -> bool:
    """Tell whether another transaction held the item at that moment: try again."""
    if error.cause_response_code in CONFLICT_CODES:
        return True
    return bool(CONFLICT_CODES & _cancellation_codes(error))


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
        code = error.cause_response_code
        if code == "ResourceNotFoundException":
            raise UnavailableError("DynamoDB", f"{doing}: table missing; has `ems provision` run?") from error
        if code in _PASSING or _PASSING & _cancellation_codes(error) or not isinstance(error.cause, ClientError):
            raise UnavailableError("DynamoDB", f"{doing} ({code or type(error.cause).__name__})") from error
        raise
    except BotoCoreError as error:
        raise UnavailableError("DynamoDB", f"{doing} ({type(error).__name__})") from error
