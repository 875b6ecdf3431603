"""A person is taken out of all records of the running product."""

import uuid

import pytest
from stage.polling import until
from stage.product import Api, Product
from stage.ses_events import SentMail, Webhook, event

pytestmark = pytest.mark.processes


def test_a_person_is_erased_while_the_mails_live_on_and_late_events_count(
    product: Product, api: Api, webhook: Webhook
) -> None:
    somebody = f"erase-{uuid.uuid4().hex[:8]}@example.com"
    email_id = api.single(api.campaign("erased", "transactional"), somebody)
    api.reaches(email_id, "sent")
    [taken] = product.ses.books.of(email_id)
    mail = SentMail(taken.message_id, taken.recipient, taken.tags)
    webhook.notify(event("Delivery", mail))
    api.reaches(email_id, "delivered")

    erasure = api.ok("DELETE", f"/recipients/{somebody}")
    until(lambda: api.ok("GET", f"/erasures/{erasure['erasure_id']}")["status"] != "erasing")
    assert api.ok("GET", f"/emails?recipient={somebody}")["items"] == []
    webhook.notify(event("Bounce", mail))
    bounced = api.reaches(email_id, "bounced")

    assert (bounced["recipient"], bounced["erased_at"] is not None) == (None, True)
    assert set(bounced["moments"]) == {"delivery", "bounce"}
    assert somebody not in str(bounced)
    assert api.ok("GET", f"/suppressions/{somebody}")["reason"] == "bounce"
    assert api.reaches(api.single(bounced["campaign_id"], somebody), "suppressed")["reason"] == "bounce"
    assert product.processes is not None
    assert somebody not in product.processes.log.read_text()
