"""SQS and DynamoDB in bad shape while mails are sent, and queues that hold what is no work."""

import pytest
from stage.fixtures import RATE
from stage.polling import until
from stage.product import Api, Product, people
from stage.ses_events import Webhook

pytestmark = [pytest.mark.processes, pytest.mark.usefixtures("crew")]


def test_while_dynamodb_answers_nothing_nothing_is_sent_and_afterwards_everybody_gets_one_mail(
    product: Product, api: Api, drive: str
) -> None:
    batch_id = api.bulk(drive, people(300, label="still"))["batch_id"]
    until(lambda: len(product.ses.books.of(batch_id)) > 60)
    with product.aws_stands_still():
        began = len(product.ses.books.of(batch_id))
        refused = api.call("POST", "/send-email", {"campaign_id": drive, "to": "still@example.com"})
        assert refused.status == 503
        assert int(refused.headers["Retry-After"]) > 0
        # What was leased before goes out; no lease comes from a store that does not answer.
        assert len(product.ses.books.of(batch_id)) - began <= RATE
    counts = api.finished(batch_id)["counts"]
    assert counts["sent"] + counts["in_doubt"] == 300
    # Whose call was marked and then could not be made is in doubt as well: the mark could not be taken back.
    taken = product.ses.books.of(batch_id)
    assert len({one.recipient for one in taken}) == len(taken)
    assert counts["sent"] <= len(taken) <= 300
    audit = product.ems("audit", batch_id)
    assert audit.returncode == 0, audit.stdout


def test_what_is_no_work_of_ems_stays_in_nobodys_way(
    product: Product, api: Api, webhook: Webhook, drive: str, notice: str
) -> None:
    with product.aws("sqs") as sqs:
        for queue in ("email-trigger", "email-wait", "email-events", "ems-control"):
            url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
            for body in ("no JSON", "{}", '{"body": "x", "properties": {}, "headers": {}}'):
                sqs.send_message(QueueUrl=url, MessageBody=body)
    assert webhook.notify("no JSON either").status_code == 200
    api.reaches(api.single(notice, "unhindered@example.com"), "sent")
    assert api.finished(api.bulk(drive, people(20, label="unhindered"))["batch_id"])["counts"]["sent"] == 20
