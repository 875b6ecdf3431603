"""Events and SNS messages as a subscriber gets them."""

import base64
import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from ems.local.client import SimulatorClient
from ems.local.launcher import LocalAws

pytestmark = pytest.mark.processes

Eventually = Callable[[Callable[[], Any]], Any]
NOTIFICATION_KEYS = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
HTML = "<p><a href='https://example.com/offer'>offer</a></p>"


def send(ses: Any, to: str, configuration_set: str) -> str:
    answer = ses.send_email(
        FromEmailAddress="news@example.com",
        Destination={"ToAddresses": [to]},
        Content={"Simple": {"Subject": {"Data": "Hi"}, "Body": {"Html": {"Data": HTML}}}},
        ConfigurationSetName=configuration_set,
        EmailTags=[{"Name": "ems_email_id", "Value": "e-1"}],
    )
    return str(answer["MessageId"])


def verify(envelope: dict[str, Any], algorithm: hashes.HashAlgorithm) -> None:
    """Check the signature as the SNS developer guide says, with none of the simulator's own code."""
    key = x509.load_pem_x509_certificate(requests.get(envelope["SigningCertURL"], timeout=5).content).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    signed = "".join(f"{name}\n{envelope[name]}\n" for name in NOTIFICATION_KEYS if name in envelope)
    key.verify(base64.b64decode(envelope["Signature"]), signed.encode(), padding.PKCS1v15(), algorithm)


def test_a_signed_event_arrives_and_its_signature_verifies(
    ses: Any, own_aws: LocalAws, subscribed: Any, configuration_set: str, eventually: Eventually
) -> None:
    message_id = send(ses, "success@simulator.amazonses.com", configuration_set)
    events = eventually(lambda: len(subscribed.events()) == 2 and subscribed.events())
    assert sorted(event["eventType"] for event in events) == ["Delivery", "Send"]
    assert {event["mail"]["messageId"] for event in events} == {message_id}
    assert {event["mail"]["tags"]["ems_email_id"][0] for event in events} == {"e-1"}
    envelope = subscribed.envelopes()[-1]
    assert envelope["SigningCertURL"] == own_aws.environment()["EMS_SNS_CERT_URL"]
    assert (envelope["SignatureVersion"], envelope["Subject"]) == ("2", "Amazon SES Email Event Notification")
    verify(envelope, hashes.SHA256())


def test_a_topic_signs_with_version_1_unless_it_was_told_otherwise(
    sns: Any, subscribed: Any, topic_arn: str, eventually: Eventually
) -> None:
    sns.set_topic_attributes(TopicArn=topic_arn, AttributeName="SignatureVersion", AttributeValue="1")
    sns.publish(TopicArn=topic_arn, Message="plain\n")
    envelope = eventually(subscribed.envelopes)[0]
    assert (envelope["SignatureVersion"], "Subject" in envelope) == ("1", False)
    verify(envelope, hashes.SHA1())  # noqa: S303 - SNS's version 1 is SHA1


def test_the_topic_of_a_new_destination_gets_sess_validation_text(
    subscribed: Any, configuration_set: str, eventually: Eventually
) -> None:
    assert configuration_set
    envelope = eventually(subscribed.envelopes)[0]
    assert envelope["Message"] == "Successfully validated SNS topic for Amazon SES event publishing."


def test_nothing_is_delivered_before_the_subscription_is_confirmed(
    sns: Any, topic_arn: str, receiver: Any, eventually: Eventually
) -> None:
    arn = sns.subscribe(TopicArn=topic_arn, Protocol="http", Endpoint=receiver.url)["SubscriptionArn"]
    assert arn == "pending confirmation"
    sns.publish(TopicArn=topic_arn, Message="too early")
    confirmation = eventually(lambda: receiver.envelopes("SubscriptionConfirmation"))[0]
    assert requests.get(confirmation["SubscribeURL"], timeout=5).ok  # as a person would, by its link
    sns.publish(TopicArn=topic_arn, Message="in time")
    assert eventually(receiver.envelopes)[0]["Message"] == "in time"


def test_a_link_can_confirm_and_end_a_subscription_and_nothing_else(
    own_aws: LocalAws, sns: Any, subscribed: Any, topic_arn: str, eventually: Eventually
) -> None:
    sns.publish(TopicArn=topic_arn, Message="last")
    envelope = eventually(subscribed.envelopes)[0]
    deletion = {"Action": "DeleteTopic", "TopicArn": topic_arn}
    assert requests.get(f"{own_aws.ses_url}/", params=deletion, timeout=5).status_code == 400
    assert requests.get(envelope["UnsubscribeURL"], timeout=5).ok
    assert eventually(lambda: subscribed.envelopes("UnsubscribeConfirmation"))
    assert sns.list_subscriptions_by_topic(TopicArn=topic_arn)["Subscriptions"] == []


def test_a_subscriber_that_fails_is_tried_again_with_the_same_message(
    sns: Any, subscribed: Any, topic_arn: str, eventually: Eventually
) -> None:
    subscribed.statuses = [503, 500]
    sns.publish(TopicArn=topic_arn, Message="again")
    attempts = eventually(lambda: len(subscribed.envelopes()) == 3 and subscribed.envelopes())
    assert len({attempt["MessageId"] for attempt in attempts}) == 1


def test_a_subscriber_that_refuses_is_not_tried_again(
    sns: Any, subscribed: Any, topic_arn: str, eventually: Eventually
) -> None:
    subscribed.statuses = [403]
    sns.publish(TopicArn=topic_arn, Message="refused")
    sns.publish(TopicArn=topic_arn, Message="next")
    eventually(lambda: len(subscribed.envelopes()) == 2)
    time.sleep(0.4)  # longer than the first retry's pause
    assert len(subscribed.envelopes()) == 2


def test_raw_delivery_posts_the_bare_event(sns: Any, subscribed: Any, topic_arn: str, eventually: Eventually) -> None:
    arn = sns.list_subscriptions_by_topic(TopicArn=topic_arn)["Subscriptions"][0]["SubscriptionArn"]
    sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="RawMessageDelivery", AttributeValue="true")
    sns.publish(TopicArn=topic_arn, Message="bare")
    headers, body = eventually(lambda: subscribed.posts[1:])[0]
    assert (body, headers["x-amz-sns-rawdelivery"]) == (b"bare", "true")
    assert headers["x-amz-sns-subscription-arn"] == arn


def test_a_queue_gets_messages_raw_or_enveloped(sns: Any, sqs: Any, topic_arn: str) -> None:
    name = f"q-{time.time_ns()}"
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    queue_arn = f"arn:aws:sqs:us-east-1:000000000000:{name}"
    arn = sns.subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=queue_arn)["SubscriptionArn"]
    sns.publish(TopicArn=topic_arn, Message="wrapped")
    wrapped = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=2)["Messages"][0]
    assert json.loads(wrapped["Body"])["Message"] == "wrapped"
    sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="RawMessageDelivery", AttributeValue="true")
    attributes = {"kind": {"DataType": "String", "StringValue": "x"}}
    sns.publish(TopicArn=topic_arn, Message="bare", MessageAttributes=attributes)
    # The first receive hid the first message, so this is the second.
    bare = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=2, MessageAttributeNames=["All"])["Messages"][0]
    assert (bare["Body"], bare["MessageAttributes"]["kind"]["StringValue"]) == ("bare", "x")


def test_a_batch_reaches_a_queue_whole(sns: Any, sqs: Any, topic_arn: str, eventually: Eventually) -> None:
    name = f"q-{time.time_ns()}"
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    sns.subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=f"arn:aws:sqs:us-east-1:000000000000:{name}")
    for start in range(0, 30, 10):
        entries = [{"Id": str(number), "Message": f"m{start + number}"} for number in range(10)]
        assert len(sns.publish_batch(TopicArn=topic_arn, PublishBatchRequestEntries=entries)["Successful"]) == 10
    names = ["ApproximateNumberOfMessages"]
    eventually(lambda: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"][names[0]] == "30")


def test_listings_of_subscriptions_come_in_pages(sns: Any, topic_arn: str) -> None:
    for number in range(105):
        queue_arn = f"arn:aws:sqs:us-east-1:000000000000:many-{number}"
        sns.subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=queue_arn, Attributes={"RawMessageDelivery": "true"})
    pages = sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic_arn)
    assert [len(page["Subscriptions"]) for page in pages] == [100, 5]


def test_sns_errors_have_the_codes_of_the_api(sns: Any, topic_arn: str) -> None:
    with pytest.raises(ClientError) as unknown:
        sns.publish(TopicArn=f"{topic_arn}x", Message="x")
    assert unknown.value.response["Error"]["Code"] == "NotFound"
    with pytest.raises(ClientError) as wrong:
        sns.confirm_subscription(TopicArn=topic_arn, Token="wrong")
    assert wrong.value.response["Error"]["Code"] == "InvalidParameter"


def test_a_hundred_mails_lose_no_event(
    ses: Any, simulator: SimulatorClient, subscribed: Any, configuration_set: str
) -> None:
    threads = [
        threading.Thread(target=lambda: [send(ses, "a@example.com", configuration_set) for _ in range(25)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert simulator.wait_for_events()
    counted = {kind: counts["posted"] for kind, counts in simulator.report()["events"].items()}
    assert counted == {"Send": 100, "Delivery": 100, "Open": 100, "Click": 100}
    assert len(subscribed.events()) == 400
