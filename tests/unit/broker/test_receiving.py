"""Receiving: what a poll asks of SQS, and what becomes of its failures."""

from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
from botocore.stub import Stubber
from fakes.clock import Clock

from ems.aws.clients import SQS_LONG_POLL_SECONDS
from ems.broker.receiving import EAGER_POLL_SECONDS, GUARD_SECONDS, Patience, Receiver
from ems.broker.shared import Shared

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_sqs import SQSClient

QUEUE = "email-trigger"
URL = "http://sqs/email-trigger"
VISIBILITY_SECONDS = 120


@pytest.fixture
def client() -> "SQSClient":
    return boto3.session.Session().client(
        "sqs", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    )


@pytest.fixture
def sqs(client: "SQSClient") -> "Iterator[Stubber]":
    with Stubber(client) as stub:
        stub.add_response("get_queue_url", {"QueueUrl": URL}, {"QueueName": QUEUE})
        yield stub
        stub.assert_no_pending_responses()


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def receiver(client: "SQSClient", pauses: list[float]) -> Receiver:
    clock = Clock(0)

    def slow_clock() -> float:
        clock.now += EAGER_POLL_SECONDS  # every answer takes its time
        return clock.now

    return Receiver(
        Shared(client, cast("Any", None)),
        QUEUE,
        visibility_timeout=VISIBILITY_SECONDS,
        patience=Patience(pauses.append),
        clock=slow_clock,
    )


def asked(*, wait: int, visibility: int = VISIBILITY_SECONDS) -> dict[str, Any]:
    return {
        "QueueUrl": URL,
        "MaxNumberOfMessages": 10,
        "WaitTimeSeconds": wait,
        "VisibilityTimeout": visibility,
        "MessageSystemAttributeNames": ["ApproximateReceiveCount", "SentTimestamp"],
    }


EAGER = asked(wait=EAGER_POLL_SECONDS)
QUIET = asked(wait=SQS_LONG_POLL_SECONDS, visibility=GUARD_SECONDS)


def answer(*numbers: int) -> dict[str, Any]:
    return {
        "Messages": [
            {
                "MessageId": f"m-{number}",
                "ReceiptHandle": f"h-{number}",
                "Body": "{}",
                "Attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1800000000000"},
            }
            for number in numbers
        ]
    }


def hidden(*numbers: int) -> dict[str, Any]:
    entries = [
        {"Id": str(place), "ReceiptHandle": f"h-{number}", "VisibilityTimeout": VISIBILITY_SECONDS}
        for place, number in enumerate(numbers)
    ]
    return {"QueueUrl": URL, "Entries": entries}


def test_a_poll_that_follows_messages_is_short_and_hides_at_once(receiver: Receiver, sqs: Stubber) -> None:
    for number in (1, 2):
        sqs.add_response("receive_message", answer(number), EAGER)
    assert [message.message_id for _ in range(2) for message in receiver.poll(10)] == ["m-1", "m-2"]


def test_a_quiet_queue_is_asked_once_in_as_long_as_sqs_waits(receiver: Receiver, sqs: Stubber) -> None:
    sqs.add_response("receive_message", {}, EAGER)
    for _ in range(3):
        sqs.add_response("receive_message", {}, QUIET)
    assert [receiver.poll(10) for _ in range(4)] == [[]] * 4


def test_what_a_long_poll_brings_is_hidden_for_its_task_before_it_is_passed_on(
    receiver: Receiver, sqs: Stubber
) -> None:
    sqs.add_response("receive_message", {}, EAGER)
    sqs.add_response("receive_message", answer(1, 2), QUIET)
    answered = {"Successful": [{"Id": "0"}, {"Id": "1"}], "Failed": []}
    sqs.add_response("change_message_visibility_batch", answered, hidden(1, 2))
    sqs.add_response("receive_message", {}, EAGER)
    receiver.poll(10)
    assert [message.message_id for message in receiver.poll(10)] == ["m-1", "m-2"]
    receiver.poll(10)


def test_a_message_that_could_not_be_hidden_is_left_to_who_receives_it_next(receiver: Receiver, sqs: Stubber) -> None:
    sqs.add_response("receive_message", {}, EAGER)
    sqs.add_response("receive_message", answer(1, 2), QUIET)
    failure = {"Id": "0", "SenderFault": False, "Code": "InternalError"}
    answered = {"Successful": [{"Id": "1"}], "Failed": [failure]}
    sqs.add_response("change_message_visibility_batch", answered, hidden(1, 2))
    receiver.poll(10)
    assert [message.message_id for message in receiver.poll(10)] == ["m-2"]


def test_nothing_is_passed_on_when_hiding_fails(
    receiver: Receiver, sqs: Stubber, caplog: pytest.LogCaptureFixture
) -> None:
    sqs.add_response("receive_message", {}, EAGER)
    sqs.add_response("receive_message", answer(1), QUIET)
    sqs.add_client_error("change_message_visibility_batch", "RequestThrottled", expected_params=hidden(1))
    receiver.poll(10)
    assert receiver.poll(10) == []
    assert "1 messages of email-trigger come again" in caplog.text


def test_polls_that_fail_for_minutes_are_paused_between_and_then_go_on(
    receiver: Receiver, sqs: Stubber, pauses: list[float]
) -> None:
    sqs.add_client_error("receive_message", "ServiceUnavailable", http_status_code=503, expected_params=EAGER)
    for _ in range(19):
        sqs.add_client_error("receive_message", "ServiceUnavailable", http_status_code=503, expected_params=QUIET)
    sqs.add_response("receive_message", answer(1), QUIET)
    sqs.add_response("change_message_visibility_batch", {"Successful": [{"Id": "0"}], "Failed": []}, hidden(1))
    for _ in range(20):
        assert receiver.poll(10) == []
    assert len(pauses) == 20
    assert sum(pauses) > 4 * 60
    assert max(pauses) <= Patience.LONGEST
    assert [message.message_id for message in receiver.poll(10)] == ["m-1"]


def test_an_endpoint_that_does_not_wait_is_not_asked_in_a_busy_loop(
    client: "SQSClient", sqs: Stubber, pauses: list[float]
) -> None:
    receiver = Receiver(
        Shared(client, cast("Any", None)),
        QUEUE,
        visibility_timeout=VISIBILITY_SECONDS,
        patience=Patience(pauses.append),
        clock=Clock(0),
    )
    sqs.add_response("receive_message", {}, EAGER)
    for _ in range(4):
        sqs.add_response("receive_message", {}, QUIET)
    for _ in range(5):
        receiver.poll(10)
    assert pauses == [1] * 5


def test_pauses_double_up_to_a_limit_and_start_over_after_a_success() -> None:
    pauses: list[float] = []
    patience = Patience(pauses.append)
    for _ in range(6):
        patience.failed()
    patience.succeeded()
    patience.failed()
    assert pauses == [1, 2, 4, 8, 15, 15, 1]
