"""Events that SNS signs move a mail's status and history, whatever their order."""

import json
import time
import uuid
from collections.abc import Mapping
from typing import Any

import pytest
from stage.polling import until
from stage.product import Api, Product, people
from stage.ses_events import SentMail, Webhook, event

pytestmark = pytest.mark.processes

OUTCOMES = {
    "Send": ("sent", "send"),
    "Delivery": ("delivered", "delivery"),
    "DeliveryDelay": ("delayed", "delivery_delay"),
    "Open": ("opened", "open"),
    "Click": ("clicked", "click"),
    "Bounce": ("bounced", "bounce"),
    "Complaint": ("complained", "complaint"),
    "Reject": ("rejected", "reject"),
    "Rendering Failure": ("rendering_failed", "rendering_failure"),
    "Subscription": ("sent", "subscription"),
}


@pytest.fixture(scope="session")
def news(api: Api) -> str:
    return api.campaign("news", "transactional")


@pytest.fixture(scope="session")
def mails(product: Product, api: Api, news: str) -> Mapping[str, SentMail]:
    """One mail that was sent for each kind of event, and some more, by name."""
    names = [*OUTCOMES, "early", "repeated", "untagged", "by queue", "by envelope", "soft", "clumsy"]
    ids = {name: api.single(news, f"{name.lower().replace(' ', '-')}@{news}.example.com") for name in names}
    return {name: sent(product, api, email_id) for name, email_id in ids.items()}


def sent(product: Product, api: Api, email_id: str) -> SentMail:
    api.reaches(email_id, "sent")
    [taken] = product.ses.books.of(email_id)
    return SentMail(taken.message_id, taken.recipient, taken.tags)


def history(api: Api, mail: SentMail, *, number: int) -> Any:
    """Wait until a mail's history has *number* events; return the mail."""
    email_id = mail.tags["ems_email_id"]
    return until(lambda: found if len((found := api.email(email_id))["timeline"]) >= number else None)


@pytest.mark.parametrize("kind", OUTCOMES)
def test_each_type_of_event_moves_the_status_and_stands_on_the_timeline(
    api: Api, webhook: Webhook, mails: Mapping[str, SentMail], kind: str
) -> None:
    status, name = OUTCOMES[kind]
    assert webhook.notify(event(kind, mails[kind])).status_code == 200
    mail = history(api, mails[kind], number=1)
    assert mail["status"] == status
    assert [one["type"] for one in mail["timeline"]] == [name]
    assert mail["moments"][name]["count"] == 1


def test_an_event_counts_once_however_often_it_comes(api: Api, webhook: Webhook, mails: Mapping[str, SentMail]) -> None:
    mail = mails["repeated"]
    delivery = event("Delivery", mail, seconds=2)
    for version in ("1", "2", "2"):
        assert webhook.notify(delivery, version=version).status_code == 200
    webhook.notify(event("Open", mail, seconds=3))
    webhook.notify(event("Open", mail, seconds=4))
    found = until(lambda: mail if (mail := api.email(mails["repeated"].tags["ems_email_id"]))["moments"].get(
        "open", {}).get("count") == 2 else None)  # fmt: skip
    assert found["moments"]["delivery"]["count"] == 1
    assert sorted(one["type"] for one in found["timeline"]) == ["delivery", "open", "open"]


def test_a_late_event_of_lower_rank_leaves_the_status_alone(
    api: Api, webhook: Webhook, mails: Mapping[str, SentMail]
) -> None:
    mail = mails["early"]
    webhook.notify(event("Click", mail, seconds=9))
    history(api, mail, number=1)
    webhook.notify(event("Delivery", mail, seconds=2))
    webhook.notify(event("Send", mail))
    found = history(api, mail, number=3)
    assert found["status"] == "clicked"


def test_a_soft_bounce_is_no_hard_one(api: Api, news: str, webhook: Webhook, mails: Mapping[str, SentMail]) -> None:
    mail = mails["soft"]
    webhook.notify(event("Bounce", mail, bounceType="Transient", bounceSubType="MailboxFull"))
    assert history(api, mail, number=1)["status"] == "soft_bounced"
    api.reaches(api.single(news, mail.recipient), "sent")


def test_whoever_bounced_hard_gets_no_further_mail(
    product: Product, api: Api, news: str, webhook: Webhook, mails: Mapping[str, SentMail]
) -> None:
    mail = mails["clumsy"]
    webhook.notify(event("Bounce", mail))
    assert history(api, mail, number=1)["status"] == "bounced"
    again = api.single(news, mail.recipient.upper().replace("EXAMPLE.COM", "example.com"))
    assert "bounce" in api.reaches(again, "suppressed")["reason"]
    assert product.ses.books.of(again) == []
    recipients = [*people(3, label="healthy"), {"to": mail.recipient, "data": {"name": "Gone"}}]
    batch_id = api.bulk(api.campaign("to-all", "bulk"), recipients)["batch_id"]
    counts = api.finished(batch_id)["counts"]
    assert (counts["sent"], counts["suppressed"]) == (3, 1)
    assert mail.recipient not in {one.recipient for one in product.ses.books.of(batch_id)}


def test_an_event_finds_its_mail_by_message_id_when_it_has_no_tag(
    api: Api, webhook: Webhook, mails: Mapping[str, SentMail]
) -> None:
    mail = mails["untagged"]
    webhook.notify(event("Delivery", SentMail(mail.message_id, mail.recipient, {})))
    assert history(api, mail, number=1)["status"] == "delivered"


def test_an_event_of_a_mail_that_nobody_knows_makes_a_record(api: Api, webhook: Webhook) -> None:
    message_id = f"0100-{uuid.uuid4()}"
    webhook.notify(event("Delivery", SentMail(message_id, "stranger@example.com", {})))
    [mail] = until(lambda: api.ok("GET", f"/emails?message_id={message_id}")["items"])
    assert (mail["status"], mail["recipient"]) == ("delivered", "stranger@example.com")


def test_an_event_may_come_before_the_row_of_its_mail(product: Product, api: Api, webhook: Webhook) -> None:
    """SES and SNS can be faster than our own write; here by far, since the batch is held back."""
    campaign_id = api.campaign("early-birds", "bulk")
    batch_id = api.bulk(campaign_id, people(3, label="bird"), send_at=time.time() + 86_400)["batch_id"]
    tags = {"ems_email_id": f"{batch_id}-000001", "ems_campaign_id": campaign_id}
    early = SentMail("0100-early", "bird-1@example.com", tags)
    webhook.notify(event("Delivery", early))
    mail = history(api, early, number=1)
    assert (mail["status"], mail["message_id"]) == ("delivered", "0100-early")
    # It stays held back: an audit would call this mail unrecorded once the batch is done, and be right.
    assert api.batch(batch_id)["status"] == "scheduled"
    assert product.ses.books.of(batch_id) == []


@pytest.mark.parametrize("name", ["by queue", "by envelope"])
def test_a_topic_may_feed_the_queue_without_the_webhook(
    product: Product, api: Api, webhook: Webhook, mails: Mapping[str, SentMail], name: str
) -> None:
    """Raw delivery puts SES's own JSON into the queue, without it there is the envelope of SNS around it."""
    text = event("Open", mails[name])
    body = text if name == "by queue" else webhook.sns.notification(text).decode()
    with product.aws("sqs") as sqs:
        sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName="email-events")["QueueUrl"], MessageBody=body)
    assert history(api, mails[name], number=1)["status"] == "opened"


def test_unknown_types_and_set_up_messages_are_taken_and_harmless(
    api: Api, webhook: Webhook, mails: Mapping[str, SentMail]
) -> None:
    mail = mails["Send"]
    unknown = {**json.loads(event("Open", mail)), "eventType": "Teleport"}
    for message in (
        "Successfully validated SNS topic for Amazon SES event publishing.",
        json.dumps({"notificationType": "AmazonSnsSubscriptionSucceeded", "message": "You have successfully..."}),
        json.dumps(unknown),
        "no JSON at all",
        "[]",
    ):
        assert webhook.notify(message).status_code == 200
    webhook.notify(event("Open", mail, seconds=77))
    found = api.reaches(mail.tags["ems_email_id"], "opened")
    assert found["moments"]["open"]["count"] == 1
