import base64
import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from ems.local.simulator import query
from ems.local.simulator.certificate import certificate_url
from ems.local.simulator.envelopes import Envelopes, Publication, headers
from ems.local.simulator.signing import HASHES, Signer, string_to_sign
from ems.local.simulator.topics import SnsError, Topics


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer()


@pytest.fixture
def envelopes(signer: Signer) -> Envelopes:
    return Envelopes(base_url="http://127.0.0.1:1", certificate_url=certificate_url(1), signer=signer)


@pytest.mark.parametrize("version", ["1", "2"])
def test_the_certificate_verifies_what_the_signer_signs(signer: Signer, envelopes: Envelopes, version: str) -> None:
    topics = Topics()
    topic = topics.create("events", attributes={"SignatureVersion": version}, tags={})
    subscription = topics.subscribe(topic.arn, protocol="http", endpoint="http://127.0.0.1:2/", attributes={})
    envelope = json.loads(envelopes.notification(Publication("grüße\n", "subject"), topic, subscription))
    key = x509.load_pem_x509_certificate(signer.certificate).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    assert envelope["SignatureVersion"] == version
    key.verify(base64.b64decode(envelope["Signature"]), string_to_sign(envelope), padding.PKCS1v15(), HASHES[version]())


def test_the_string_to_sign_skips_what_is_absent_or_null() -> None:
    message = {
        "Type": "Notification",
        "MessageId": "m",
        "TopicArn": "t",
        "Subject": None,
        "Message": "hello\n",
        "Timestamp": "now",
        "Token": "never signed here",
    }
    assert string_to_sign(message) == (
        b"Message\nhello\n\nMessageId\nm\nTimestamp\nnow\nTopicArn\nt\nType\nNotification\n"
    )


def test_raw_delivery_is_the_bare_message_with_a_header_that_says_so(envelopes: Envelopes) -> None:
    topics = Topics()
    topic = topics.create("events", attributes={}, tags={})
    raw = topics.subscribe(
        topic.arn, protocol="http", endpoint="http://127.0.0.1:2/", attributes={"RawMessageDelivery": "true"}
    )
    assert envelopes.notification(Publication("bare"), topic, raw) == b"bare"
    assert headers("Notification", topic, raw, message_id="m")["x-amz-sns-rawdelivery"] == "true"


def test_a_confirmation_names_no_subscription_in_its_headers() -> None:
    topics = Topics()
    topic = topics.create("events", attributes={}, tags={})
    pending = topics.subscribe(topic.arn, protocol="http", endpoint="http://127.0.0.1:2/", attributes={})
    sent = headers("SubscriptionConfirmation", topic, pending, message_id="m")
    assert "x-amz-sns-subscription-arn" not in sent
    assert sent["Content-Type"] == "text/plain; charset=UTF-8"


def test_a_topic_of_the_same_name_is_the_same_topic() -> None:
    topics = Topics()
    first = topics.create("events", attributes={}, tags={"a": "1"})
    assert topics.create("events", attributes={"SignatureVersion": "2"}, tags={}) is first
    assert (first.signature_version, first.tags) == ("2", {"a": "1"})


def test_an_endpoint_subscribes_once_and_stays_pending_until_its_token_comes_back() -> None:
    topics = Topics()
    topic = topics.create("events", attributes={}, tags={})
    first = topics.subscribe(topic.arn, protocol="http", endpoint="http://127.0.0.1:2/", attributes={})
    again = topics.subscribe(topic.arn, protocol="http", endpoint="http://127.0.0.1:2/", attributes={})
    assert again is first
    assert first.shown_arn == "PendingConfirmation"
    with pytest.raises(SnsError):
        topics.confirm(topic.arn, "wrong")
    assert topics.confirm(topic.arn, first.token).shown_arn == first.arn


def test_a_queue_needs_no_confirmation() -> None:
    topics = Topics()
    topic = topics.create("events", attributes={}, tags={})
    queue = "arn:aws:sqs:us-east-1:000000000000:q"
    assert topics.subscribe(topic.arn, protocol="sqs", endpoint=queue, attributes={}).confirmed


def test_a_deleted_topic_takes_its_subscriptions_along() -> None:
    topics = Topics()
    topic = topics.create("events", attributes={}, tags={})
    topics.subscribe(topic.arn, protocol="http", endpoint="http://127.0.0.1:2/", attributes={})
    topics.delete(topic.arn)
    topics.delete(topic.arn)
    assert (topics.all(), topics.subscriptions()) == ([], [])


@pytest.mark.parametrize(
    ("protocol", "endpoint"),
    [("email", "a@example.com"), ("sqs", "http://127.0.0.1/"), ("http", "https://127.0.0.1/"), ("http", "")],
)
def test_an_endpoint_must_fit_its_protocol(protocol: str, endpoint: str) -> None:
    topics = Topics()
    topic = topics.create("events", attributes={}, tags={})
    with pytest.raises(SnsError):
        topics.subscribe(topic.arn, protocol=protocol, endpoint=endpoint, attributes={})


def test_what_the_simulator_does_not_do_is_refused_and_not_ignored() -> None:
    topics = Topics()
    topic = topics.create("events", attributes={}, tags={})
    with pytest.raises(SnsError, match="not supported"):
        topics.subscribe(
            topic.arn, protocol="http", endpoint="http://127.0.0.1:2/", attributes={"FilterPolicy": '{"a":["b"]}'}
        )


def test_the_query_protocol_nests_its_members() -> None:
    tree = query.nested(
        {
            "Action": "Publish",
            "MessageAttributes.entry.1.Name": "a",
            "MessageAttributes.entry.1.Value.DataType": "String",
            "MessageAttributes.entry.1.Value.StringValue": "x",
            "Attributes.entry.1.key": "k",
            "Attributes.entry.1.value": "v",
        }
    )
    assert query.message_attributes(tree) == {"a": {"DataType": "String", "StringValue": "x"}}
    assert query.string_map(tree, "Attributes") == {"k": "v"}


def test_answers_escape_what_xml_reserves() -> None:
    assert b"<Name>a&lt;b&gt;&amp;</Name>" in query.answer("Get", {"Name": "a<b>&"}).body


def test_the_certificate_url_has_the_shape_of_the_real_one() -> None:
    assert certificate_url(4570).startswith("http://127.0.0.1:4570/SimpleNotificationService-")
