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

pytestmark = pytest.mark.processes

NOBODY = "http://127.0.0.1:9"
"""The discard port: nothing listens there."""

CAMPAIGN = {
    "campaign_id": "unreached",
    "name": "unreached",
    "kind": "bulk",
    "sender": "shop@example.com",
    "template": {"subject": "Hello", "text": "Hello"},
}


@pytest.fixture(scope="session")
def reach(api: Api) -> str:
    """A campaign, whose id also names its recipients and the idempotency keys."""
    return api.campaign("reach", "bulk")


@pytest.fixture(scope="session")
def bodies(reach: str) -> Mapping[str, Any]:
    return {
        "/send-email": {"campaign_id": reach, "to": f"{reach}@example.com", "data": {"name": "Ada"}},
        "/send-bulk-email": {"campaign_id": reach, "recipients": people(120, label=reach)},
        "/campaigns": CAMPAIGN,
    }


@pytest.fixture(scope="session")
def webs(product: Product) -> Iterator[Mapping[str, Api]]:
    """Web processes of which each cannot reach one service."""
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


def await_queue_of_nobody(product: Product) -> None:
    """Wait until no campaign of another test holds the queue: beside one, chunks are parked and SQS is not needed."""
    with product.aws("dynamodb") as dynamodb:
        key = {"batch_id": {"S": "#parked"}, "item": {"S": "#queue"}}
        until(lambda: "Item" not in dynamodb.get_item(TableName="email-batch", Key=key, ConsistentRead=True))


@pytest.fixture(scope="session")
def answers(
    product: Product,
    webs: Mapping[str, Api],
    reach: str,
    bodies: Mapping[str, Any],
) -> Mapping[tuple[str, str], Answer]:
    """What each of them says, asked at the same time since some take their while."""
    await_queue_of_nobody(product)
    asked = [(service, path) for service in ("SQS", "DYNAMODB") for path in ("/send-email", "/send-bulk-email")]
    asked += [("SESV2", "/campaigns"), *((service, "/readyz") for service in webs)]

    def ask(question: tuple[str, str]) -> Answer:
        service, path = question
        method = "POST" if path in bodies else "GET"
        return webs[service].call(method, path, bodies.get(path), Idempotency_Key=f"{reach} {path}")

    with ThreadPoolExecutor(len(asked)) as callers:
        return dict(zip(asked, callers.map(ask, asked), strict=True))


@pytest.mark.parametrize(
    ("service", "path", "named"),
    [
        ("SQS", "/send-email", "SQS"),
        ("SQS", "/send-bulk-email", "SQS"),
        ("DYNAMODB", "/send-email", "DynamoDB"),
        ("DYNAMODB", "/send-bulk-email", "DynamoDB"),
        ("SESV2", "/campaigns", "SES"),
    ],
)
def test_work_that_cannot_be_taken_is_answered_with_503_and_when_to_try_again(
    answers: Mapping[tuple[str, str], Answer], service: str, path: str, named: str
) -> None:
    answer = answers[service, path]
    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert named in answer.document["detail"]


@pytest.mark.parametrize(("service", "check"), [("SQS", "sqs"), ("DYNAMODB", "dynamodb"), ("SESV2", "ses")])
def test_a_process_that_cannot_reach_a_service_is_alive_and_not_ready(
    webs: Mapping[str, Api], answers: Mapping[tuple[str, str], Answer], service: str, check: str
) -> None:
    ready = answers[service, "/readyz"]
    assert ready.status == 503
    assert [which for which, outcome in ready.document["checks"].items() if outcome != "ok"] == [check]
    assert webs[service].call("GET", "/healthz").status == 200


@pytest.mark.usefixtures("answers")
def test_nothing_of_it_is_sent_and_the_same_requests_are_accepted_elsewhere(
    product: Product, api: Api, reach: str, bodies: Mapping[str, Any]
) -> None:
    assert api.ok("GET", f"/emails?recipient={reach}@example.com")["items"] == []
    assert [one for one in product.ses.books.taken if one.recipient.startswith(reach)] == []
    assert api.call("GET", "/campaigns/unreached").status == 404
    single, batch = (
        api.ok("POST", path, bodies[path], Idempotency_Key=f"{reach} {path}")
        for path in ("/send-email", "/send-bulk-email")
    )
    api.reaches(single["email_id"], "sent")
    assert api.finished(batch["batch_id"])["counts"]["sent"] == 120
    reached = [one.recipient for one in product.ses.books.taken if one.recipient.startswith(reach)]
    assert len(set(reached)) == len(reached) == 121
