"""What DynamoDB's failures are called."""

from collections.abc import Iterator

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    NoCredentialsError,
    ReadTimeoutError,
)
from fakes.clock import Clock
from pynamodb.exceptions import CancellationReason, PutError, TransactWriteError, VerboseClientError

from ems.errors import UnavailableError
from ems.store.failures import PATIENT_ATTEMPTS, conditionally, patiently, translated


def put_error(code: str) -> PutError:
    return PutError("put", ClientError({"Error": {"Code": code, "Message": "m"}}, "PutItem"))


@pytest.mark.parametrize(
    "code",
    [
        "ThrottlingException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "InternalServerError",
        "ServiceUnavailable",
        "TransactionInProgressException",
    ],
)
def test_what_passes_by_itself_is_an_outage(code: str) -> None:
    with pytest.raises(UnavailableError, match=code), translated("cannot test"):
        raise put_error(code)


@pytest.mark.parametrize(
    "cause",
    [
        ConnectTimeoutError(endpoint_url="x"),
        ReadTimeoutError(endpoint_url="x"),
        ConnectionClosedError(endpoint_url="x"),
        NoCredentialsError(),
    ],
    ids=lambda cause: type(cause).__name__,
)
def test_a_lost_connection_is_an_outage(cause: BotoCoreError) -> None:
    with pytest.raises(UnavailableError, match="DynamoDB"), translated("cannot test"):
        raise PutError("put", cause)
    with pytest.raises(UnavailableError, match="DynamoDB"), translated("cannot test"):
        raise cause


def test_a_refused_condition_and_a_malformed_request_go_through() -> None:
    for code in ("ConditionalCheckFailedException", "ValidationException"):
        with pytest.raises(PutError), translated("cannot test"):
            raise put_error(code)


def write(answer: str | None) -> None:
    if answer is not None:
        raise put_error(answer)


def test_a_conditional_write_tells_whether_its_condition_held() -> None:
    assert conditionally("cannot test", write, None)
    assert not conditionally("cannot test", write, "ConditionalCheckFailedException")


def test_a_conditional_write_that_fails_for_another_reason_is_no_answer() -> None:
    with pytest.raises(PutError):
        conditionally("cannot test", write, "ValidationException")
    with pytest.raises(UnavailableError, match="cannot test"):
        conditionally("cannot test", write, "ThrottlingException")


def test_a_transaction_of_which_one_condition_failed_was_not_written() -> None:
    cause = VerboseClientError(
        {"Error": {"Code": "TransactionCanceledException", "Message": "m"}},
        "TransactWriteItems",
        cancellation_reasons=[None, CancellationReason("ConditionalCheckFailed")],
    )

    def transact() -> None:
        raise TransactWriteError("transact", cause)

    assert not conditionally("cannot test", transact)


def failing(times: int) -> Iterator[str]:
    for _ in range(times):
        yield "down"
    while True:
        yield "up"


def test_a_patient_write_outlasts_an_outage_of_seconds(clock: Clock) -> None:
    states, began = failing(PATIENT_ATTEMPTS - 1), clock()

    def write() -> str:
        if next(states) == "down":
            raise UnavailableError("DynamoDB", "down")
        return "written"

    assert patiently(write, sleep=clock.sleep) == "written"
    assert clock() - began < 15


def test_a_patient_write_gives_up_in_the_end(clock: Clock) -> None:
    states = failing(PATIENT_ATTEMPTS)

    def write() -> None:
        if next(states) == "down":
            raise UnavailableError("DynamoDB", "down")

    with pytest.raises(UnavailableError):
        patiently(write, sleep=clock.sleep)
