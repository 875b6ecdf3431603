"""Services that cannot be reached when work is to be accepted: 503, when to try again, and nothing half done."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest
import requests
from stage.polling import until
from stage.product import Answer, Api, Product, people

from ems.local.processes import free_port

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("product")]

NOBODY = "http://127.0.0.1:9"
"""The discard port: nothing listens there."""

BULK = {"campaign_id": "reach", "recipients": people(120, label="reach")}
SINGLE = {"campaign_id": "reach", "to": "reach@example.com", "data": {"name": "Ada"}}
CAMPAIGN = {
    "campaign_id": "unreached",
    "name": "unreached",
    "kind": "bulk",
    "sender": "shop@example.com",
    "template": {"subject": "Hello", "text": "Hello"},
}


@pytest.fixture(scope="module")
def webs(product: Product, api: Api) -> Iterator[Mapping[str, Api]]:
    """Web processes of which each cannot reach one service."""
    api.campaign("reach", "bulk")
    with ExitStack() as stack:
        found = {}
        for service in ("SQS", "DYNAMODB", "SESV2"):
            port = str(free_port())
            more = {f"AWS_ENDPOINT_URL_{service}": NOBODY, "PORT": port, "WEB_WORKERS": "1"}
            stack.enter_context(product.start("web", **more))
            found[service] = stack.enter_context(Api(f"http://127.0.0.1:{port}"))
        for web in found.values():
            until(lambda web=web: alive(web.url))  # type: ignore[misc]
        yield found


def alive(url: str) -> bool:
    try:
        return requests.get(f"{url}/healthz", timeout=10).ok
    except requests.ConnectionError:
        return False


@pytest.fixture(scope="module")
def answers(webs: Mapping[str, Api]) -> Mapping[str, Answer]:
    """What each of them says, asked at the same time since some take their while."""
    requests_: dict[str, tuple[str, str, str, Any]] = {
        "SQS single": ("SQS", "POST", "/send-email", SINGLE),
        "SQS bulk": ("SQS", "POST", "/send-bulk-email", BULK),
        "SQS ready": ("SQS", "GET", "/readyz", None),
        "DYNAMODB single": ("DYNAMODB", "POST", "/send-email", SINGLE),
        "DYNAMODB bulk": ("DYNAMODB", "POST", "/send-bulk-email", BULK),
        "DYNAMODB ready": ("DYNAMODB", "GET", "/readyz", None),
        "SESV2 campaign": ("SESV2", "POST", "/campaigns", CAMPAIGN),
        "SESV2 ready": ("SESV2", "GET", "/readyz", None),
    }

    def ask(name: str) -> Answer:
        service, method, path, body = requests_[name]
        return webs[service].call(method, path, body, Idempotency_Key=f"reach {path}")

    with ThreadPoolExecutor(len(requests_)) as callers:
        return dict(zip(requests_, callers.map(ask, requests_), strict=True))


@pytest.mark.parametrize(
    ("name", "service"),
    [
        ("SQS single", "SQS"),
        ("SQS bulk", "SQS"),
        ("DYNAMODB single", "DynamoDB"),
        ("DYNAMODB bulk", "DynamoDB"),
        ("SESV2 campaign", "SES"),
    ],
)
def test_work_that_cannot_be_taken_is_answered_with_503_and_when_to_try_again(
    answers: Mapping[str, Answer], name: str, service: str
) -> None:
    answer = answers[name]
    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert service in answer.document["detail"]


@pytest.mark.parametrize(("name", "check"), [("SQS", "sqs"), ("DYNAMODB", "dynamodb"), ("SESV2", "ses")])
def test_a_process_that_cannot_reach_a_service_is_alive_and_not_ready(
    webs: Mapping[str, Api], answers: Mapping[str, Answer], name: str, check: str
) -> None:
    ready = answers[f"{name} ready"]
    assert ready.status == 503
    assert [which for which, outcome in ready.document["checks"].items() if outcome != "ok"] == [check]
    assert webs[name].call("GET", "/healthz").status == 200


@pytest.mark.usefixtures("answers")
def test_nothing_of_it_is_sent_and_the_same_requests_are_accepted_elsewhere(product: Product, api: Api) -> None:
    assert api.ok("GET", "/emails?recipient=reach@example.com")["items"] == []
    assert api.call("GET", "/campaigns/unreached").status == 404
    single = api.ok("POST", "/send-email", SINGLE, Idempotency_Key="reach /send-email")["email_id"]
    batch = api.ok("POST", "/send-bulk-email", BULK, Idempotency_Key="reach /send-bulk-email")
    api.reaches(single, "sent")
    assert api.finished(batch["batch_id"])["counts"]["sent"] == 120
    reached = [one.recipient for one in product.ses.books.taken if one.recipient.startswith("reach")]
    assert len(set(reached)) == len(reached) == 121
