"""Publishing to topics, against botocore's own reading of SNS's answers."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.stub import Stubber

from ems.broker.topics import BATCH_BYTES, EventOutbox, Topics

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

ARN = "arn:aws:sns:us-east-1:123456789012:ems-task-events"
EXCHANGE = "ems-task-events"


@pytest.fixture
def client() -> "SNSClient":
    return boto3.session.Session().client(
        "sns", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    )


@pytest.fixture
def sns(client: "SNSClient") -> Iterator[Stubber]:
    with Stubber(client) as stub:
        yield stub
        stub.assert_no_pending_responses()


def expect_topic(sns: Stubber) -> None:
    sns.add_response("create_topic", {"TopicArn": ARN}, {"Name": EXCHANGE})


def expect_batch(sns: Stubber, *bodies: str, failed: int = 0) -> None:
    entries = [{"Id": str(i), "Message": body} for i, body in enumerate(bodies)]
    failures = [{"Id": str(i), "Code": "InternalError", "SenderFault": False} for i in range(failed)]
    sns.add_response(
        "publish_batch",
        {"Successful": [], "Failed": failures},
        {"TopicArn": ARN, "PublishBatchRequestEntries": entries},
    )


def test_a_topic_is_made_once(client: "SNSClient", sns: Stubber) -> None:
    expect_topic(sns)
    topics = Topics(client)
    assert topics.arn(EXCHANGE) == topics.arn(EXCHANGE) == ARN


def test_a_topic_that_somebody_deleted_is_made_again(client: "SNSClient", sns: Stubber) -> None:
    expect_topic(sns)
    sns.add_client_error("publish", "NotFound")
    expect_topic(sns)
    sns.add_response("publish", {"MessageId": "1"}, {"TopicArn": ARN, "Message": "hello"})
    Topics(client).publish(EXCHANGE, "hello")


def test_events_go_out_ten_to_a_call(client: "SNSClient", sns: Stubber) -> None:
    bodies = [f"event {i}" for i in range(10)]
    expect_topic(sns)
    expect_batch(sns, *bodies)
    outbox = EventOutbox(Topics(client))
    for body in bodies:
        outbox.add(EXCHANGE, body)
    assert outbox.flush()


def test_a_batch_stays_within_the_bytes_that_sns_takes(client: "SNSClient", sns: Stubber) -> None:
    large = "x" * (BATCH_BYTES - 10)
    expect_topic(sns)
    expect_batch(sns, large)
    expect_batch(sns, "a little more")
    outbox = EventOutbox(Topics(client))
    outbox.add(EXCHANGE, large)
    outbox.add(EXCHANGE, "a little more")
    assert outbox.flush()


def test_refused_events_are_dropped_with_a_warning(
    client: "SNSClient", sns: Stubber, caplog: pytest.LogCaptureFixture
) -> None:
    expect_topic(sns)
    expect_batch(sns, "event", failed=1)
    outbox = EventOutbox(Topics(client))
    outbox.add(EXCHANGE, "event")
    assert outbox.flush()
    assert "refused 1 of 1" in caplog.text


def test_events_that_cannot_be_published_hold_nothing_up(
    client: "SNSClient", sns: Stubber, caplog: pytest.LogCaptureFixture
) -> None:
    expect_topic(sns)
    sns.add_client_error("publish_batch", "Throttled")
    outbox = EventOutbox(Topics(client))
    outbox.add(EXCHANGE, "event")
    assert outbox.flush()
    assert "dropped 1 event messages" in caplog.text
