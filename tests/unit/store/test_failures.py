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
from pynamodb.exceptions import PutError

from ems.errors import UnavailableError
from ems.store.failures import PATIENT_ATTEMPTS, is_condition_failure, patiently, translated


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
        with pytest.raises(PutError) as caught, translated("cannot test"):
            raise put_error(code)
        assert is_condition_failure(caught.value) == (code == "ConditionalCheckFailedException")


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
