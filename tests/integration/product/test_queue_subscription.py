"""SNS feeding the queue of events itself, raw and enveloped: the same records as by the webhook."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from stage.polling import until
from stage.product import Api, Product
from stage.ses_events import SentMail, Webhook, event

pytestmark = pytest.mark.processes

KINDS = ("Send", "Delivery", "Open", "Click", "Complaint", "Rendering Failure")

Publish = Callable[[str], object]


def subscribed(product: Product, topic_arn: str) -> list[dict[str, str]]:
    with product.aws("sns") as sns:
        return list(sns.list_subscriptions_by_topic(TopicArn=topic_arn)["Subscriptions"])


@pytest.fixture(scope="module")
def raw(product: Product) -> Iterator[Publish]:
    """Publishes to the product's topic, whose subscription `ems provision` makes; twice is once."""
    for _ in range(2):
        done = product.ems("provision", "--no-webhook", "--queue")
        assert done.returncode == 0, done.stdout
    [subscription] = subscribed(product, product.topic_arn)
    assert subscription["Protocol"] == "sqs"
    with product.aws("sns") as sns:
        yield lambda text: sns.publish(TopicArn=product.topic_arn, Message=text)
        sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])


@pytest.fixture(scope="module")
def enveloped(product: Product) -> Iterator[Publish]:
    """Publishes to a topic to which somebody subscribed the queue by hand, as SNS does unless told otherwise."""
    with product.aws("sns") as sns, product.aws("sqs") as sqs:
        url = sqs.get_queue_url(QueueName="email-events")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        topic = sns.create_topic(Name=f"enveloped-{uuid.uuid4().hex[:8]}")["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        yield lambda text: sns.publish(TopicArn=topic, Message=text)
        sns.delete_topic(TopicArn=topic)


def sent(product: Product, api: Api, campaign_id: str, to: str) -> SentMail:
    email_id = api.single(campaign_id, to)
    api.reaches(email_id, "sent")
    [taken] = product.ses.books.of(email_id)
    return SentMail(taken.message_id, taken.recipient, taken.tags)


def record(api: Api, mail: SentMail, *, number: int) -> dict[str, Any]:
    """Wait until a mail's history has *number* events; return what of it does not depend on the mail."""
    email_id = mail.tags["ems_email_id"]
    found = until(lambda: one if len((one := api.email(email_id))["timeline"]) == number else None)
    for entry in found["timeline"]:
        entry.pop("key", None)
        entry["detail"].pop("feedback_id", None)
    history = sorted(found["timeline"], key=lambda entry: str(entry["type"]))
    suppression = api.ok("GET", f"/suppressions/{mail.recipient}")
    return {
        "status": found["status"],
        "moments": found["moments"],
        "timeline": history,
        "suppression": (suppression["reason"], suppression["scope"], suppression["source"]),
    }


def test_every_road_leads_to_the_same_record_and_two_at_once_to_one(
    product: Product, api: Api, webhook: Webhook, raw: Publish, enveloped: Publish
) -> None:
    mark = uuid.uuid4().hex[:8]
    campaign_id = api.campaign("roads", "transactional")
    roads: dict[str, tuple[Publish, ...]] = {
        "webhook": (webhook.notify,),
        "raw": (raw,),
        "enveloped": (enveloped,),
        "all": (webhook.notify, raw, enveloped),
    }
    mails = {name: sent(product, api, campaign_id, f"{name}-{mark}@example.com") for name in roads}
    for name, publishers in roads.items():
        for text in [event(kind, mails[name], seconds=1) for kind in KINDS]:
            for publish in publishers:
                publish(text)

    expected = record(api, mails["webhook"], number=len(KINDS))
    assert expected["status"] == "complained"
    for name in ("raw", "enveloped"):
        assert record(api, mails[name], number=len(KINDS)) == expected
    until(lambda: is_empty(product))
    assert record(api, mails["all"], number=len(KINDS)) == expected


def is_empty(product: Product) -> bool:
    """Tell whether all events are applied, those in the hands of a worker too."""
    counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    with product.aws("sqs") as sqs:
        url = sqs.get_queue_url(QueueName="email-events")["QueueUrl"]
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=counts)["Attributes"]
    return not any(int(found[name]) for name in counts)
