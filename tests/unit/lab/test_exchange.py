"""What a wire knows of a request, and when a trap strikes."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from stage import acts
from stage.exchange import Answer, Exchange, Request, Spot
from stage.wire import Trap

DYNAMODB, SQS = "DynamoDB_20120810", "AmazonSQS"


def request(target: str, body: dict[str, Any]) -> Request:
    return Request("POST", "/", {"X-Amz-Target": target}, json.dumps(body).encode())


def exchange(asked: Request, ask: Callable[[Request], dict[str, Any]]) -> Exchange:
    return Exchange(asked, lambda one: Answer(200, json.dumps(ask(one)).encode()), lambda: 0, tuple)


CLAIM = request(f"{DYNAMODB}.UpdateItem", {"TableName": "email-batch", "Key": {"item": {"S": "chunk#000000"}}})


@pytest.mark.parametrize(
    ("asked", "operation", "target"),
    [
        (CLAIM, "UpdateItem", "email-batch"),
        (request(f"{SQS}.SendMessage", {"QueueUrl": "http://h:1/000/email-wait"}), "SendMessage", "email-wait"),
        (
            request(
                f"{DYNAMODB}.TransactWriteItems",
                {"TransactItems": [{"Update": {"TableName": "one"}}, {"Put": {"TableName": "two"}}]},
            ),
            "TransactWriteItems",
            "one two",
        ),
        (request(f"{DYNAMODB}.BatchWriteItem", {"RequestItems": {"one": [], "two": []}}), "BatchWriteItem", "one two"),
        (Request("POST", "/v2/email/outbound-bulk-emails", {}, b"{}"), "SendBulkEmail", ""),
        (Request("GET", "/v2/email/templates/x", {}, b""), "GET /v2/email/templates/x", ""),
        (Request("POST", "/", {}, b"Action=Publish&TopicArn=a"), "Publish", ""),
    ],
)
def test_a_request_is_known_by_its_operation_and_its_table_or_queue(
    asked: Request, operation: str, target: str
) -> None:
    assert (asked.operation, asked.target) == (operation, target)


@pytest.mark.parametrize(
    ("spot", "fits"),
    [
        (Spot("PutItem|UpdateItem", "email-batch"), True),
        (Spot("UpdateItem", "email-rate"), False),
        (Spot("UpdateItem", holds=("chunk#",)), True),
        (Spot("UpdateItem", lacks=("chunk#",)), False),
        (Spot("Update"), False),
    ],
)
def test_a_spot_fits_by_operation_target_and_words(spot: Spot, *, fits: bool) -> None:
    assert spot.fits(CLAIM) is fits


def test_a_trap_strikes_from_its_nth_request_on_and_as_often_as_it_is_told() -> None:
    trap = Trap(Spot("UpdateItem"), acts.cut_before, nth=3, times=2)
    assert [trap.takes(CLAIM) for _ in range(6)] == [False, False, True, True, False, False]
    assert len(trap.strikes) == 2


def test_a_copy_of_each_message_stays_in_the_queue_and_no_copy_of_a_copy() -> None:
    again = acts.HandOutAgain(seconds=4)
    waiting, delays = ["a", "b"], []

    def sqs(asked: Request) -> dict[str, Any]:
        if asked.operation == "ReceiveMessage":
            received, waiting[:] = [{"MessageId": one, "Body": one} for one in waiting], []
            return {"Messages": received}
        waiting.extend(f"copy of {entry['MessageBody']}" for entry in asked.document["Entries"])
        delays.extend(entry["DelaySeconds"] for entry in asked.document["Entries"])
        return {"Successful": [{"MessageId": one} for one in waiting]}

    def receive() -> list[str]:
        answer = again(exchange(request(f"{SQS}.ReceiveMessage", {"QueueUrl": "q"}), sqs))
        return [message["MessageId"] for message in json.loads(answer.body)["Messages"]]

    assert [receive(), receive(), receive()] == [["a", "b"], ["copy of a", "copy of b"], []]
    assert delays == [4, 4]


def test_a_conflict_is_told_as_dynamodb_tells_it() -> None:
    items = [{"Update": {"TableName": "one"}}, {"Update": {"TableName": "two"}}]
    asked = request(f"{DYNAMODB}.TransactWriteItems", {"TransactItems": items})
    answer = acts.conflict(exchange(asked, lambda _asked: {}))
    assert answer is not None
    told = json.loads(answer.body)
    assert told["__type"].endswith("#TransactionCanceledException")
    assert [reason["Code"] for reason in told["CancellationReasons"]] == ["TransactionConflict", "None"]
