"""What EMS relies on in ministack. It is young and pinned: this shows what an upgrade changes."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

pytestmark = pytest.mark.processes

Eventually = Callable[[Callable[[], Any]], Any]


@pytest.fixture
def table(dynamodb: Any) -> Iterator[str]:
    name = f"table-{time.time_ns()}"
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("id", "group")],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by-group",
                "KeySchema": [
                    {"AttributeName": "group", "KeyType": "HASH"},
                    {"AttributeName": "id", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
    )
    yield name
    dynamodb.delete_table(TableName=name)


@pytest.fixture
def queue(sqs: Any) -> Iterator[str]:
    url: str = sqs.create_queue(QueueName=f"queue-{time.time_ns()}")["QueueUrl"]
    yield url
    sqs.delete_queue(QueueUrl=url)


def code_of(refused: pytest.ExceptionInfo[ClientError]) -> str:
    return refused.value.response["Error"]["Code"]


def bodies(sqs: Any, queue: str, *, seconds: int = 2, **more: Any) -> list[str]:
    received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=seconds, **more)
    return [message["Body"] for message in received.get("Messages", [])]


# DynamoDB


def test_a_conditional_put_wins_once(dynamodb: Any, table: str) -> None:
    once = {"TableName": table, "ConditionExpression": "attribute_not_exists(id)"}
    dynamodb.put_item(**once, Item={"id": {"S": "a"}, "owner": {"S": "first"}})
    with pytest.raises(ClientError) as refused:
        dynamodb.put_item(
            **once, Item={"id": {"S": "a"}, "owner": {"S": "second"}}, ReturnValuesOnConditionCheckFailure="ALL_OLD"
        )
    assert code_of(refused) == "ConditionalCheckFailedException"
    response: Any = refused.value.response
    assert response["Item"]["owner"] == {"S": "first"}


def test_a_conditional_update_returns_the_new_values_and_refuses_with_the_old(dynamodb: Any, table: str) -> None:
    lease = {
        "TableName": table,
        "Key": {"id": {"S": "line"}},
        "UpdateExpression": "SET next_at = :until ADD grants :one",
        "ConditionExpression": "attribute_not_exists(next_at) OR next_at <= :now",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    values = {":now": {"N": "10"}, ":until": {"N": "12.5"}, ":one": {"N": "1"}}
    granted = dynamodb.update_item(**lease, ExpressionAttributeValues=values, ReturnValues="ALL_NEW")
    assert granted["Attributes"]["next_at"] == {"N": "12.5"}
    with pytest.raises(ClientError) as refused:
        dynamodb.update_item(**lease, ExpressionAttributeValues=values)
    response: Any = refused.value.response
    assert response["Item"]["grants"] == {"N": "1"}


def test_contended_updates_are_exact(dynamodb: Any, table: str) -> None:
    wins: list[int] = []

    def contend(worker: int) -> None:
        for key in range(20):
            try:
                dynamodb.put_item(
                    TableName=table, Item={"id": {"S": f"k{key}"}}, ConditionExpression="attribute_not_exists(id)"
                )
            except dynamodb.exceptions.ConditionalCheckFailedException:
                continue
            wins.append(worker)
            dynamodb.update_item(
                TableName=table,
                Key={"id": {"S": "count"}},
                UpdateExpression="ADD wins :one",
                ExpressionAttributeValues={":one": {"N": "1"}},
            )

    threads = [threading.Thread(target=contend, args=(worker,)) for worker in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counted = dynamodb.get_item(TableName=table, Key={"id": {"S": "count"}})["Item"]["wins"]
    assert (len(wins), counted) == (20, {"N": "20"})


def test_a_transaction_happens_whole_or_not_at_all_and_says_why(dynamodb: Any, table: str) -> None:
    dynamodb.put_item(TableName=table, Item={"id": {"S": "taken"}, "owner": {"S": "me"}})
    put = {"TableName": table, "ConditionExpression": "attribute_not_exists(id)"}
    with pytest.raises(ClientError) as cancelled:
        dynamodb.transact_write_items(
            TransactItems=[
                {"Put": {**put, "Item": {"id": {"S": "new"}}}},
                {"Put": {**put, "Item": {"id": {"S": "taken"}}, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}},
            ]
        )
    assert code_of(cancelled) == "TransactionCanceledException"
    response: Any = cancelled.value.response
    reasons = response["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == ["None", "ConditionalCheckFailed"]
    assert reasons[1]["Item"]["owner"] == {"S": "me"}
    assert "Item" not in dynamodb.get_item(TableName=table, Key={"id": {"S": "new"}})


def test_a_transaction_with_the_same_token_happens_once(dynamodb: Any, table: str) -> None:
    update = {
        "TableName": table,
        "Key": {"id": {"S": "count"}},
        "UpdateExpression": "ADD n :one",
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }
    for _ in range(2):
        dynamodb.transact_write_items(TransactItems=[{"Update": update}], ClientRequestToken="the-same-token")
    assert dynamodb.get_item(TableName=table, Key={"id": {"S": "count"}})["Item"]["n"] == {"N": "1"}


def test_many_items_are_written_and_deleted_in_one_call(dynamodb: Any, table: str) -> None:
    puts = [{"PutRequest": {"Item": {"id": {"S": f"r{number}"}}}} for number in range(25)]
    assert dynamodb.batch_write_item(RequestItems={table: puts})["UnprocessedItems"] == {}
    deletes = [{"DeleteRequest": {"Key": {"id": {"S": f"r{number}"}}}} for number in range(24)]
    assert dynamodb.batch_write_item(RequestItems={table: deletes})["UnprocessedItems"] == {}
    assert dynamodb.scan(TableName=table)["Items"] == [{"id": {"S": "r24"}}]


def test_numbers_are_taken_out_of_a_set_and_an_empty_set_is_gone(dynamodb: Any, table: str) -> None:
    dynamodb.put_item(TableName=table, Item={"id": {"S": "lot"}, "parked": {"NS": ["1", "2", "3"]}})

    def take(*numbers: str) -> Any:
        return dynamodb.update_item(
            TableName=table,
            Key={"id": {"S": "lot"}},
            UpdateExpression="DELETE parked :numbers",
            ExpressionAttributeValues={":numbers": {"NS": list(numbers)}},
            ReturnValues="ALL_NEW",
        )["Attributes"]

    assert sorted(take("2", "9")["parked"]["NS"]) == ["1", "3"]
    assert take("1", "3") == {"id": {"S": "lot"}}


def test_an_index_is_read_in_pages(dynamodb: Any, table: str) -> None:
    for number in range(5):
        dynamodb.put_item(TableName=table, Item={"id": {"S": f"i{number}"}, "group": {"S": "g"}})
    pages = dynamodb.get_paginator("query").paginate(
        TableName=table,
        IndexName="by-group",
        KeyConditionExpression="#g = :g",
        ExpressionAttributeNames={"#g": "group"},
        ExpressionAttributeValues={":g": {"S": "g"}},
        PaginationConfig={"PageSize": 2},
    )
    assert [item["id"]["S"] for page in pages for item in page["Items"]] == [f"i{number}" for number in range(5)]


def test_rows_can_be_told_to_expire(dynamodb: Any, table: str) -> None:
    dynamodb.update_time_to_live(
        TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"}
    )
    described = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    assert (described["TimeToLiveStatus"], described["AttributeName"]) == ("ENABLED", "expires_at")


def test_answers_carry_the_date_that_clock_skew_is_measured_by(dynamodb: Any, table: str) -> None:
    answer = dynamodb.get_item(TableName=table, Key={"id": {"S": "none"}})
    assert "date" in answer["ResponseMetadata"]["HTTPHeaders"]


# SQS


def test_a_batch_is_sent_and_received_whole_with_its_attributes(sqs: Any, queue: str) -> None:
    entries = [
        {
            "Id": str(number),
            "MessageBody": f"m{number}",
            "MessageAttributes": {"kind": {"DataType": "String", "StringValue": "chunk"}},
        }
        for number in range(10)
    ]
    answer = sqs.send_message_batch(QueueUrl=queue, Entries=entries)
    assert (len(answer["Successful"]), answer.get("Failed", [])) == (10, [])
    received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, MessageAttributeNames=["All"])["Messages"]
    assert sorted(message["Body"] for message in received) == [f"m{number}" for number in range(10)]
    assert received[0]["MessageAttributes"]["kind"]["StringValue"] == "chunk"
    handles = [{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(received)]
    assert len(sqs.delete_message_batch(QueueUrl=queue, Entries=handles)["Successful"]) == 10


def test_a_long_poll_wakes_when_a_message_comes(sqs: Any, queue: str) -> None:
    later = threading.Timer(0.2, sqs.send_message, kwargs={"QueueUrl": queue, "MessageBody": "wake"})
    later.start()
    assert bodies(sqs, queue, seconds=1) == ["wake"]
    later.join()


def test_a_message_that_is_given_back_is_received_again_and_counted(sqs: Any, queue: str) -> None:
    sqs.send_message(QueueUrl=queue, MessageBody="again")
    names = ["ApproximateReceiveCount"]
    first = sqs.receive_message(QueueUrl=queue, MessageSystemAttributeNames=names)["Messages"][0]
    sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=first["ReceiptHandle"], VisibilityTimeout=0)
    second = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1, MessageSystemAttributeNames=names)["Messages"][0]
    assert second["Attributes"]["ApproximateReceiveCount"] == "2"


def test_a_received_message_is_hidden_until_its_visibility_timeout(
    sqs: Any, queue: str, eventually: Eventually
) -> None:
    sqs.send_message(QueueUrl=queue, MessageBody="hidden")
    assert bodies(sqs, queue, VisibilityTimeout=1) == ["hidden"]
    assert bodies(sqs, queue, seconds=0) == []
    assert eventually(lambda: bodies(sqs, queue, seconds=1)) == ["hidden"]


def test_a_delayed_message_waits(sqs: Any, queue: str, eventually: Eventually) -> None:
    sqs.send_message(QueueUrl=queue, MessageBody="later", DelaySeconds=1)
    assert bodies(sqs, queue, seconds=0) == []
    assert eventually(lambda: bodies(sqs, queue, seconds=1)) == ["later"]


def test_a_message_moves_to_the_dead_letter_queue_after_its_receives(sqs: Any, queue: str) -> None:
    dead = sqs.create_queue(QueueName=f"dead-{time.time_ns()}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": "2"})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"RedrivePolicy": redrive})
    sqs.send_message(QueueUrl=queue, MessageBody="poison")
    for _ in range(2):
        assert bodies(sqs, queue, VisibilityTimeout=0) == ["poison"]
    assert bodies(sqs, queue, seconds=0) == []
    assert bodies(sqs, dead) == ["poison"]


def test_a_standard_queue_takes_message_groups_and_does_not_block_them(sqs: Any, queue: str) -> None:
    for number in range(3):
        sqs.send_message(QueueUrl=queue, MessageBody=f"m{number}", MessageGroupId="batch-1")
    received: list[str] = []
    while len(received) < 3 and (more := bodies(sqs, queue, seconds=1)):
        received += more
    assert sorted(received) == ["m0", "m1", "m2"]


def test_the_depth_of_a_queue_tells_waiting_hidden_and_delayed_apart(sqs: Any, queue: str) -> None:
    for body in ("waiting", "hidden"):
        sqs.send_message(QueueUrl=queue, MessageBody=body)
    sqs.send_message(QueueUrl=queue, MessageBody="delayed", DelaySeconds=60)
    assert len(sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=1)["Messages"]) == 1
    names = [f"ApproximateNumberOfMessages{suffix}" for suffix in ("", "NotVisible", "Delayed")]
    depth = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
    assert [depth[name] for name in names] == ["1", "1", "1"]


def test_an_unknown_queue_has_the_code_that_kombu_looks_for(sqs: Any) -> None:
    with pytest.raises(ClientError) as unknown:
        sqs.get_queue_url(QueueName="nowhere")
    assert code_of(unknown) == "AWS.SimpleQueueService.NonExistentQueue"


# SNS, where the simulator is left out


def test_ministacks_own_sns_fans_out_to_queues(sqs: Any, queue: str, ministack_sns: Any) -> None:
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = ministack_sns.create_topic(Name=f"topic-{time.time_ns()}")["TopicArn"]
    ministack_sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    ministack_sns.publish(TopicArn=topic, Message="to all")
    assert bodies(sqs, queue) == ["to all"]
