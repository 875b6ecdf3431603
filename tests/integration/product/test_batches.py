"""Steering batches, and asking twice for the same."""

import time
from collections import Counter
from datetime import UTC, datetime

import pytest
from stage.fixtures import RATE
from stage.polling import until
from stage.product import Api, Product, people

pytestmark = pytest.mark.processes

A_FEW_SECONDS = 5


@pytest.fixture(scope="session")
def autumn(api: Api) -> str:
    return api.campaign("autumn", "bulk")


@pytest.fixture(scope="session")
def reminder(api: Api) -> str:
    return api.campaign("reminder", "transactional")


def recipients_of(product: Product, batch_id: str) -> Counter[str]:
    return Counter(one.recipient for one in product.ses.books.of(batch_id))


def test_a_paused_batch_stops_and_a_resumed_one_reaches_everybody_once(
    product: Product, api: Api, autumn: str, reminder: str
) -> None:
    batch_id = api.bulk(autumn, people(600, label="paused"))["batch_id"]
    until(lambda: product.ses.books.of(batch_id))
    assert api.ok("POST", f"/batches/{batch_id}/pause")["status"] == "paused"
    until(lambda: api.batch(batch_id)["counts"]["sending"] == 0)
    api.reaches(api.single(reminder, "meanwhile@example.com"), "sent")
    held = api.batch(batch_id)
    assert held["status"] == "paused"
    assert held["eta_seconds"] is None
    assert held["counts"]["waiting"] > 0
    assert held["counts"]["sent"] == recipients_of(product, batch_id).total()
    api.ok("POST", f"/batches/{batch_id}/resume")
    assert api.finished(batch_id)["counts"]["sent"] == 600
    assert recipients_of(product, batch_id) == Counter(f"paused-{n}@example.com" for n in range(600))


def test_a_batch_with_a_time_ahead_goes_out_when_it_comes_with_the_template_that_it_was_accepted_with(
    product: Product, api: Api, autumn: str
) -> None:
    send_at = time.time() + 5
    moment = datetime.fromtimestamp(send_at, UTC).isoformat()
    batch_id = api.bulk(autumn, people(60, label="scheduled"), send_at=moment)["batch_id"]
    batch = api.batch(batch_id)
    assert batch["status"] == "scheduled"
    assert batch["counts"]["waiting"] == 60
    before = api.ok("GET", f"/campaigns/{autumn}")
    template = {"subject": "Good day {{name}}", "html": None, "text": "{{name}}, it is autumn"}
    changed = {name: before[name] for name in ("name", "kind", "sender")} | {"template": template}
    after = api.ok("PUT", f"/campaigns/{autumn}", changed)
    assert api.finished(batch_id)["counts"]["sent"] == 60
    sent = product.ses.books.of(batch_id)
    assert len({one.recipient for one in sent}) == len(sent) == 60
    assert min(one.at for one in sent) >= send_at
    assert {one.template for one in sent} == {before["template_name"]} != {after["template_name"]}


def test_a_bulk_request_that_is_repeated_with_its_key_is_one_batch(product: Product, api: Api, autumn: str) -> None:
    people_ = people(70, label="repeated")
    body = {"campaign_id": autumn, "recipients": [*people_, {"to": "nobody"}]}
    first = api.ok("POST", "/send-bulk-email", body, Idempotency_Key="autumn-1")
    second = api.ok("POST", "/send-bulk-email", body, Idempotency_Key="autumn-1")
    assert second == first
    other = api.call("POST", "/send-bulk-email", {**body, "recipients": people_}, Idempotency_Key="autumn-1")
    assert other.status == 409
    api.finished(first["batch_id"])
    assert api.ok("POST", "/send-bulk-email", body, Idempotency_Key="autumn-1") == first
    to_others = api.bulk(autumn, people(1, label="afterwards"))["batch_id"]
    api.finished(to_others)
    assert recipients_of(product, first["batch_id"]) == Counter(f"repeated-{n}@example.com" for n in range(70))


def test_a_single_request_that_is_repeated_with_its_key_is_one_mail(product: Product, api: Api, reminder: str) -> None:
    first = api.single(reminder, "once@example.com", Idempotency_Key="reminder 1")
    assert api.single(reminder, "once@example.com", Idempotency_Key="reminder 1") == first
    body = {"campaign_id": reminder, "to": "twice@example.com", "data": {"name": "Ada"}}
    assert api.call("POST", "/send-email", body, Idempotency_Key="reminder 1").status == 409
    api.reaches(first, "sent")
    assert api.single(reminder, "once@example.com", Idempotency_Key="reminder 1") == first
    api.reaches(api.single(reminder, "later@example.com"), "sent")
    assert len(product.ses.books.of(first)) == 1


def test_without_a_key_every_request_is_a_mail(api: Api, reminder: str) -> None:
    assert api.single(reminder, "each@example.com") != api.single(reminder, "each@example.com")


def test_a_paused_campaign_holds_its_batches_and_no_others(product: Product, api: Api, autumn: str) -> None:
    held = api.campaign("held", "bulk")
    body = api.ok("GET", f"/campaigns/{held}")
    body = {name: body[name] for name in ("name", "kind", "sender")} | {
        "template": {"subject": "Hello {{name}}", "text": "Dear {{name}}"}
    }
    pause = {**body, "state": "paused_by_operator", "state_reason": "a typo in the subject"}
    assert api.ok("PUT", f"/campaigns/{held}", pause)["state_reason"] == "a typo in the subject"
    batch_id = api.bulk(held, people(30, label="held"))["batch_id"]
    assert api.finished(api.bulk(autumn, people(30, label="free"))["batch_id"])["counts"]["sent"] == 30
    assert product.ses.books.of(batch_id) == []
    assert api.batch(batch_id)["counts"]["waiting"] == 30
    api.ok("PUT", f"/campaigns/{held}", {**body, "state": "active"})
    assert api.finished(batch_id)["counts"]["sent"] == 30
    assert recipients_of(product, batch_id) == Counter(f"held-{n}@example.com" for n in range(30))


def test_a_single_mail_and_its_copies_are_one_call(product: Product, api: Api, reminder: str) -> None:
    body = {"campaign_id": reminder, "to": "first@example.com", "data": {"name": "Ada"}}
    copies = {"cc": ["second@example.com"], "bcc": ["third@example.com", "first@EXAMPLE.com"]}
    email_id = api.ok("POST", "/send-email", {**body, **copies, "tags": {"team": "billing"}})["email_id"]
    mail = api.reaches(email_id, "sent")
    taken = product.ses.books.of(email_id)
    assert [one.recipient for one in taken] == ["first@example.com", "second@example.com", "third@example.com"]
    assert {one.message_id for one in taken} == {mail["message_id"]}
    assert {one.tags["team"] for one in taken} == {"billing"}


def test_fifty_thousand_are_accepted_in_one_call_and_a_cancelled_batch_stops_within_seconds(
    product: Product, api: Api, autumn: str
) -> None:
    answer = api.call("POST", "/send-bulk-email", {"campaign_id": autumn, "recipients": people(50_000, label="all")})
    assert answer.status == 202
    assert answer.document["accepted"] == 50_000
    batch_id = answer.document["batch_id"]
    until(lambda: product.ses.books.of(batch_id))
    cancelled = api.ok("POST", f"/batches/{batch_id}/cancel")
    before = recipients_of(product, batch_id).total()
    assert cancelled["status"] == "cancelled"
    counts = until(lambda: counts if (counts := api.batch(batch_id)["counts"])["sending"] == 0 else None)
    after = recipients_of(product, batch_id)
    assert counts == {
        "waiting": 0, "sending": 0, "sent": after.total(), "failed": 0, "suppressed": 0,
        "cancelled": 50_000 - after.total(), "in_doubt": 0, "held": 0,
    }  # fmt: skip
    assert after.total() - before <= RATE * A_FEW_SECONDS
    assert set(after.values()) == {1}
    assert api.call("POST", f"/batches/{batch_id}/resume").status == 409
    # What is cancelled makes way: the next batch does not wait for 1,000 dead chunks.
    assert api.finished(api.bulk(autumn, people(10, label="next"))["batch_id"])["counts"]["sent"] == 10
