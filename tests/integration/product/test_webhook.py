"""What the webhook refuses, and what it confirms."""

import json
import threading
import uuid
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from fakes.sns import SigningSns
from stage.polling import until
from stage.product import Api, Product
from stage.ses_events import SentMail, Webhook, event

pytestmark = pytest.mark.processes


@pytest.fixture(scope="session")
def mail(product: Product, api: Api) -> SentMail:
    """A mail that was sent and of which no genuine event ever comes."""
    email_id = api.single(api.campaign("target", "transactional"), "target@example.com")
    api.reaches(email_id, "sent")
    [taken] = product.ses.books.of(email_id)
    return SentMail(taken.message_id, taken.recipient, taken.tags)


def by_another_key(genuine: SigningSns, text: str) -> bytes:
    thief = SigningSns(
        key=rsa.generate_private_key(public_exponent=65537, key_size=2048),
        pem=b"",
        topic_arn=genuine.topic_arn,
        cert_url=genuine.cert_url,
    )
    return thief.notification(text, version="2")


FORGERIES: dict[str, tuple[int, Callable[[SigningSns, str], bytes]]] = {
    "signed by another key": (403, by_another_key),
    "changed after signing": (403, lambda sns, text: sns.forge(sns.notification("{}"), Message=text)),
    "without a signature": (400, lambda sns, text: sns.forge(sns.notification(text), Signature=None)),
    "of another topic": (403, lambda sns, text: sns.notification(text, TopicArn=f"{sns.topic_arn}-other")),
    "with an attacker's certificate": (
        403,
        lambda sns, text: sns.notification(
            text, SigningCertURL="https://sns.us-east-1.amazonaws.com.example.com/x.pem"
        ),
    ),
    "with a bucket's certificate": (
        403,
        lambda sns, text: sns.notification(
            text, SigningCertURL="https://sns.s3.amazonaws.com/SimpleNotificationService-0.pem"
        ),
    ),
    "with an unknown signature version": (403, lambda sns, text: sns.notification(text, SignatureVersion="3")),
    "raw": (403, lambda _sns, text: text.encode()),
    "cut off": (400, lambda sns, text: sns.notification(text)[:-40]),
    "empty": (400, lambda _sns, _text: b""),
    "a list": (400, lambda _sns, _text: b"[]"),
}


@pytest.mark.parametrize("how", FORGERIES)
def test_a_post_that_sns_did_not_sign_for_our_topic_is_refused_for_good(
    webhook: Webhook, mail: SentMail, how: str
) -> None:
    status, forge = FORGERIES[how]
    answer = webhook.post(forge(webhook.sns, event("Bounce", mail)))
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert mail.recipient not in answer.text


def test_nothing_of_what_was_refused_is_counted(api: Api, webhook: Webhook, mail: SentMail) -> None:
    for _status, forge in FORGERIES.values():
        webhook.post(forge(webhook.sns, event("Bounce", mail)))
    webhook.notify(event("Send", mail))
    found = until(lambda: found if (found := api.email(mail.tags["ems_email_id"]))["timeline"] else None)
    assert [one["type"] for one in found["timeline"]] == ["send"]
    assert found["status"] == "sent"


def test_raw_delivery_is_named_with_its_remedy(webhook: Webhook, mail: SentMail) -> None:
    answer = webhook.post(event("Bounce", mail).strip().encode(), x_amz_sns_rawdelivery="true")
    assert answer.status_code == 403
    assert "RawMessageDelivery" in answer.json()["detail"]


class Subscriber:
    """An endpoint beside EMS, by which a test learns the token of a subscription."""

    def __init__(self) -> None:
        self.posts: list[dict[str, Any]] = []
        posts = self.posts

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                posts.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the name of the base class
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def subscribe(self, sns: Any, topic_arn: str) -> tuple[str, str]:
        """Subscribe to a topic; return the subscription's ARN and the token that would confirm it."""
        endpoint = f"http://127.0.0.1:{self.server.server_port}/"
        sns.subscribe(TopicArn=topic_arn, Protocol="http", Endpoint=endpoint)
        [post] = until(lambda: self.posts)
        listed = sns.list_subscriptions_by_topic(TopicArn=topic_arn)["Subscriptions"]
        [arn] = [one["SubscriptionArn"] for one in listed if one["Endpoint"] == endpoint]
        return arn, post["Token"]

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def subscriber() -> Iterator[Subscriber]:
    running = Subscriber()
    yield running
    running.close()


@pytest.fixture
def aws_sns(product: Product) -> Iterator[Any]:
    with product.aws("sns") as client:
        yield client


def pending(sns: Any, subscription_arn: str) -> bool:
    attributes = sns.get_subscription_attributes(SubscriptionArn=subscription_arn)["Attributes"]
    return str(attributes["PendingConfirmation"]).lower() == "true"


def test_a_subscription_of_our_topic_is_confirmed_through_the_api(
    webhook: Webhook, aws_sns: Any, subscriber: Subscriber
) -> None:
    subscription, token = subscriber.subscribe(aws_sns, webhook.sns.topic_arn)
    assert pending(aws_sns, subscription)
    trap = "http://127.0.0.1:9/must-not-be-fetched"
    assert webhook.post(webhook.sns.confirmation(Token=token, SubscribeURL=trap, version="2")).status_code == 200
    assert not pending(aws_sns, subscription)


def test_a_subscription_of_another_topic_is_not_confirmed(
    webhook: Webhook, aws_sns: Any, subscriber: Subscriber
) -> None:
    topic_arn = aws_sns.create_topic(Name=f"other-{uuid.uuid4().hex}")["TopicArn"]
    subscription, token = subscriber.subscribe(aws_sns, topic_arn)
    answer = webhook.post(webhook.sns.confirmation(Token=token, TopicArn=topic_arn, version="2"))
    assert answer.status_code == 403
    assert pending(aws_sns, subscription)


def test_a_forged_confirmation_confirms_nothing(webhook: Webhook, aws_sns: Any, subscriber: Subscriber) -> None:
    subscription, token = subscriber.subscribe(aws_sns, webhook.sns.topic_arn)
    genuine = webhook.sns.confirmation(version="2")
    assert webhook.post(webhook.sns.forge(genuine, Token=token)).status_code == 403
    assert pending(aws_sns, subscription)
