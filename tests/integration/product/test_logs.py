"""What the processes write: one request followed from HTTP to SES and back, and no address on any line."""

import json
import re
import uuid
from typing import Any

import pytest
from stage.other_ses import Fault
from stage.polling import until
from stage.product import Api, Product, people
from stage.ses_events import SentMail, Webhook, event

pytestmark = pytest.mark.processes

LINE = re.compile(r"^\S+ (\w+)\.\d+ *\| (\{.*\})$", re.MULTILINE)
"""honcho writes the time and the process before each line."""


def lines(product: Product) -> list[tuple[str, dict[str, Any]]]:
    """Return what each process has logged, by its kind."""
    assert product.processes is not None
    return [(kind, json.loads(line)) for kind, line in LINE.findall(product.processes.log.read_text())]


def of_request(product: Product, request_id: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the lines of a request, by process and event."""
    mine = [(kind, line) for kind, line in lines(product) if line.get("request_id") == request_id]
    return {(kind, line["event"]): line for kind, line in mine}


def test_a_request_is_followed_from_http_to_ses_and_back(product: Product, api: Api, webhook: Webhook) -> None:
    request_id = f"order-{uuid.uuid4().hex}"
    email_id = api.single(api.campaign("followed", "transactional"), "followed@example.com", X_Request_Id=request_id)
    api.reaches(email_id, "sent")
    [taken] = product.ses.books.of(email_id)
    webhook.notify(event("Delivery", SentMail(taken.message_id, taken.recipient, taken.tags)))
    api.reaches(email_id, "delivered")

    told = until(lambda: found if len(found := of_request(product, request_id)) >= 3 else None)

    assert told["web", "request"]["email_id"] == email_id
    assert told["sender", "SES called"]["email_id"] == email_id
    assert told["sender", "SES called"]["message_id"] == taken.message_id
    assert told["events", "events counted"]["types"] == ["delivery"]
    assert api.email(email_id)["request_id"] == request_id
    assert json.loads(product.ems("trace", email_id, "--json").stdout)["request_id"] == request_id
    assert request_id in product.ems("trace", email_id).stdout


def test_the_request_of_a_batch_is_known_to_each_of_its_mails(product: Product, api: Api) -> None:
    request_id = f"spring-{uuid.uuid4().hex}"
    campaign_id = api.campaign("followed", "bulk")
    body = {"campaign_id": campaign_id, "recipients": people(5, label="followed")}
    batch_id = api.ok("POST", "/send-bulk-email", body, X_Request_Id=request_id)["batch_id"]
    api.finished(batch_id)
    assert {mail["request_id"] for mail in api.emails(campaign_id, "sent")} == {request_id}
    assert of_request(product, request_id)["sender", "SES called"]["batch_id"] == batch_id


HIDDEN = "hidden.example.com"
"""Where this test's addresses are."""

REFUSED = (
    {"to": f"wrong@@{HIDDEN}"},
    {"to": 7, "cc": f"odd@{HIDDEN}"},
    {"to": f"a@{HIDDEN}", "data": f"text@{HIDDEN}"},
)
MISHAPS: tuple[Fault, ...] = ("error", "cut")


def test_no_process_writes_an_address_whatever_goes_wrong(product: Product, api: Api, webhook: Webhook) -> None:
    campaign_id = api.campaign("private", "transactional")

    def sent(to: str) -> SentMail:
        email_id = api.single(campaign_id, to)
        api.reaches(email_id, "sent")
        [taken] = product.ses.books.of(email_id)
        return SentMail(taken.message_id, taken.recipient, taken.tags)

    quoted = {"emailAddress": f"bounced@{HIDDEN}", "diagnosticCode": f"smtp; 550 5.1.1 <bounced@{HIDDEN}>: unknown"}
    webhook.notify(event("Bounce", sent(f"bounced@{HIDDEN}"), bouncedRecipients=[quoted]))
    webhook.notify(event("Complaint", sent(f"complained@{HIDDEN}")))
    webhook.notify(json.dumps({"eventType": "Surprise", "mail": {"destination": [f"surprise@{HIDDEN}"]}}))
    webhook.notify(json.dumps([f"junk@{HIDDEN}"]))
    for mishap in MISHAPS:
        product.ses.break_next(mishap)
        api.reaches(api.single(campaign_id, f"{mishap}@{HIDDEN}"), "sent", "in_doubt")
    for body in REFUSED:
        assert api.call("POST", "/send-email", {"campaign_id": campaign_id, **body}).status == 422
    assert api.call("GET", f"/emails?recipient=looked-up@{HIDDEN}").status == 200
    assert api.call("GET", f"/nothing/unknown@{HIDDEN}").status == 404
    until(lambda: api.call("GET", f"/suppressions/complained@{HIDDEN}").status == 200)

    assert product.processes is not None
    log = product.processes.log.read_text()
    assert {kind for kind, _ in lines(product)} >= {"web", "sender", "events", "control"}
    assert HIDDEN not in log
    # Nor an address of any test before, of which all send from and to there.
    assert re.findall(r".*@\S*example\.com.*", log) == []
