"""What a running system tells Prometheus, found as Prometheus finds it."""

import json
from pathlib import Path

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families
from stage.polling import until
from stage.product import Api, Product
from stage.ses_events import SentMail, Webhook, event

pytestmark = pytest.mark.processes

Samples = dict[tuple[str, ...], float]
"""By name and the values of the labels, in their order."""


def workers(folder: str | Path) -> dict[str, str]:
    """Return where the worker processes are scraped, by their kind."""
    found = {}
    for file in Path(folder).glob("*.json"):
        [target] = json.loads(file.read_text())
        found[target["labels"]["process"]] = target["targets"][0]
    return found


def samples(url: str) -> Samples:
    answer = requests.get(url, headers={"Authorization": "Bearer key-of-the-tests"}, timeout=10)
    assert answer.status_code == 200
    families = text_string_to_metric_families(answer.text)
    return {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}


def test_each_kind_of_worker_tells_of_its_own_work(product: Product, api: Api, webhook: Webhook) -> None:
    email_id = api.single(api.campaign("seen", "transactional"), "seen@example.com")
    api.reaches(email_id, "sent")
    [taken] = product.ses.books.of(email_id)
    webhook.notify(event("Delivery", SentMail(taken.message_id, taken.recipient, taken.tags)))
    api.reaches(email_id, "delivered")

    targets = workers(product.environment["EMS_METRICS_TARGETS"])
    assert set(targets) == {"sender", "events", "control", "webhooks"}
    told = {kind: samples(f"http://{target}/metrics") for kind, target in targets.items()}

    assert told["sender"]["ems_mail_outcomes_total", "transactional", "sent"] >= 1
    assert told["sender"]["ems_ses_call_seconds_count", "SendEmail", "accepted"] >= 1
    assert told["sender"]["ems_lease_wait_seconds_count", "transactional"] >= 1
    assert told["sender"]["ems_message_wait_seconds_count", "email-trigger"] >= 1
    assert told["events"]["ems_events_counted_total", "delivery"] >= 1
    assert told["events"]["ems_event_lag_seconds_count", "delivery"] >= 1
    assert told["control"]["ems_drain_ticks_total", "done"] >= 1
    for kind, queue in (
        ("sender", "email-trigger"),
        ("events", "email-events"),
        ("control", "ems-control"),
        ("webhooks", "ems-webhooks"),
    ):
        assert told[kind]["ems_queue_last_poll_age_seconds", queue] < 60
        assert told[kind]["process_cpu_seconds_total",] > 0


def test_the_web_process_tells_of_its_requests_the_queues_and_the_line(product: Product, api: Api) -> None:
    api.single(api.campaign("accepted", "transactional"), "accepted@example.com")
    web = until(lambda: samples(f"{product.url}/metrics"))
    assert web["ems_http_requests_total", "POST", "/send-email", "202"] >= 1
    assert ("ems_queue_messages", "email-trigger", "visible") in web
    assert web["ems_senders",] == 1


def test_a_worker_that_ends_takes_its_target_along(product: Product, tmp_path: Path) -> None:
    targets = tmp_path / "targets"
    with product.start("control", EMS_METRICS_TARGETS=str(targets)) as second:
        target = until(lambda: workers(targets))["control"]
        # The port opens first of all; who polls has got as far as to hear that it is to end.
        until(lambda: ("ems_queue_last_poll_age_seconds", "ems-control") in samples(f"http://{target}/metrics"))
        second.stop()
    assert list(targets.iterdir()) == []
