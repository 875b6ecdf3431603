"""Acknowledging in batches, against botocore's own reading of SQS's answers."""

from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import Stubber

from ems.broker.acks import Acknowledger, Done

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_sqs import SQSClient

URL = "http://sqs/email-trigger"


@pytest.fixture
def client() -> "SQSClient":
    return boto3.session.Session().client(
        "sqs", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    )


@pytest.fixture
def sqs(client: "SQSClient") -> "Iterator[Stubber]":
    with Stubber(client) as stub:
        yield stub
        stub.assert_no_pending_responses()


def expect(*handles: str, url: str = URL) -> dict[str, Any]:
    entries = [{"Id": str(i), "ReceiptHandle": handle} for i, handle in enumerate(handles)]
    return {"QueueUrl": url, "Entries": entries}


def done(*handles: str, url: str = URL) -> list[Done]:
    return [Done(url, handle, f"id of {handle}") for handle in handles]


def failed(entry: str, *, sender_fault: bool) -> dict[str, Any]:
    return {"Id": entry, "SenderFault": sender_fault, "Code": "ReceiptHandleIsInvalid"}


def acknowledge(client: "SQSClient", dones: list[Done]) -> None:
    acknowledger = Acknowledger(client, retry_seconds=(0, 0))
    for each in dones:
        acknowledger.add(each)
    assert acknowledger.flush()


def test_ten_messages_are_deleted_in_one_call(client: "SQSClient", sqs: Stubber) -> None:
    handles = [f"h{i}" for i in range(10)]
    sqs.add_response("delete_message_batch", {"Successful": [], "Failed": []}, expect(*handles))
    acknowledge(client, done(*handles))


def test_each_queue_has_a_call_of_its_own(client: "SQSClient", sqs: Stubber) -> None:
    other = "http://sqs/email-events"
    sqs.add_response("delete_message_batch", {"Successful": [], "Failed": []}, expect("a", "c"))
    sqs.add_response("delete_message_batch", {"Successful": [], "Failed": []}, expect("b", url=other))
    acknowledge(client, [*done("a"), *done("b", url=other), *done("c")])


def test_what_sqs_failed_to_delete_is_deleted_again_alone(client: "SQSClient", sqs: Stubber) -> None:
    answer = {"Successful": [{"Id": "0"}], "Failed": [failed("1", sender_fault=False)]}
    sqs.add_response("delete_message_batch", answer, expect("a", "b"))
    sqs.add_response("delete_message_batch", {"Successful": [{"Id": "0"}], "Failed": []}, expect("b"))
    acknowledge(client, done("a", "b"))


def test_a_stale_receipt_handle_is_reported_by_message_id_and_not_tried_again(
    client: "SQSClient", sqs: Stubber, caplog: pytest.LogCaptureFixture
) -> None:
    answer = {"Successful": [], "Failed": [failed("0", sender_fault=True)]}
    sqs.add_response("delete_message_batch", answer, expect("a"))
    acknowledge(client, done("a"))
    assert "id of a was done too late" in caplog.text


def test_a_call_that_fails_is_made_again(client: "SQSClient", sqs: Stubber) -> None:
    sqs.add_client_error("delete_message_batch", "RequestThrottled", expected_params=expect("a"))
    sqs.add_response("delete_message_batch", {"Successful": [], "Failed": []}, expect("a"))
    acknowledge(client, done("a"))


def test_what_stays_undeletable_is_given_up_with_a_warning(
    client: "SQSClient", sqs: Stubber, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        sqs.add_client_error("delete_message_batch", "InternalError", expected_params=expect("a"))
    acknowledge(client, done("a"))
    assert "id of a is done but could not be deleted" in caplog.text


def test_a_queue_that_is_gone_takes_its_messages_with_it(client: "SQSClient", sqs: Stubber) -> None:
    sqs.add_client_error("delete_message_batch", "QueueDoesNotExist", expected_params=expect("a"))
    acknowledge(client, done("a"))
