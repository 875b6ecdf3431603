"""Flower and Celery's commands beside the whole product: what they tell, and what a revoked mail comes to."""

import json
import subprocess
from typing import Any

import pytest
import requests
from stage.polling import until
from stage.product import BIN, KEY, Api, Product

pytestmark = pytest.mark.processes

PERSON = "most-private"
ADDRESS = f"{PERSON}@example.com"


def celery(product: Product, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a command of Celery on the app, as operators write it."""
    return subprocess.run(
        [BIN / "celery", "-A", "ems", *arguments],
        env=product.environment,
        cwd=product.directory,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def flower(product: Product, path: str) -> Any:
    answer = requests.get(f"{product.flower_url}/api{path}", timeout=20)
    answer.raise_for_status()
    return answer.json()


def steer(product: Product, path: str, **arguments: str) -> None:
    """Press a button."""
    answer = requests.post(f"{product.flower_url}/api{path}", data=arguments, timeout=20)
    assert answer.ok, answer.text


def workers(product: Product) -> dict[str, str]:
    """Wait until Flower knows one worker of each kind that is online; return their names."""

    def known() -> dict[str, str] | None:
        told, online = flower(product, "/workers?refresh=1"), flower(product, "/workers?status=1")
        names = {name.partition("@")[0]: name for name in told if "stats" in told[name] and online.get(name)}
        return names if names.keys() >= {"sender", "events", "control"} else None

    return until(known)


def about(product: Product, worker: str) -> dict[str, Any]:
    """What Flower knows of a worker after asking once more."""
    return dict(flower(product, f"/workers?refresh=1&workername={worker}")[worker])


def waiting_task(product: Product) -> str:
    """Wait for a message that nobody works on; return its task's id."""
    with product.aws("sqs") as sqs:
        url = sqs.get_queue_url(QueueName="email-trigger")["QueueUrl"]
        received = until(lambda: sqs.receive_message(QueueUrl=url, VisibilityTimeout=0).get("Messages"))
    return str(json.loads(received[0]["Body"])["headers"]["id"])


def test_each_kind_of_worker_answers_a_ping_on_the_command_line(product: Product) -> None:
    names = workers(product).values()
    answer = celery(product, "inspect", "ping", "--json", "--timeout", "5", "--destination", ",".join(names))
    assert json.loads(answer.stdout) == {name: {"ok": "pong"} for name in names}, answer.stderr


def test_a_revoked_mail_ends_as_failed_is_never_sent_and_leaves_the_audit_sound(product: Product, api: Api) -> None:
    worker = workers(product)["sender"]
    steer(product, f"/worker/queue/cancel-consumer/{worker}", queue="email-trigger")
    try:
        until(lambda: not about(product, worker)["active_queues"])
        email_id = api.single(api.campaign("revoked", "transactional"), ADDRESS)
        task = waiting_task(product)
        steer(product, f"/task/revoke/{task}")
    finally:
        steer(product, f"/worker/queue/add-consumer/{worker}", queue="email-trigger")
    mail = api.reaches(email_id, "failed")
    assert mail["reason"] == "its task was revoked"
    assert product.ses.books.of(email_id) == []
    assert until(lambda: flower(product, "/tasks").get(task, {}).get("state") == "REVOKED")
    assert product.ems("audit", "--all").returncode == 0


def test_flower_tells_no_address_and_no_secret(product: Product, api: Api) -> None:
    email_id = api.single(api.campaign("told", "transactional"), ADDRESS)
    api.reaches(email_id, "sent")
    until(lambda: email_id in str(flower(product, "/tasks")))
    told = json.dumps([about(product, workers(product)["sender"]), flower(product, "/tasks")])
    assert "broker_transport_options" in told
    assert PERSON not in told
    assert KEY not in told
