"""``/rate``, ``/healthz``, ``/readyz``, ``/metrics`` and the webhook."""

import subprocess
import sys
from pathlib import Path

import pytest
from fakes.web import World
from flask.testing import FlaskClient

from ems.errors import UnavailableError
from ems.settings import Settings
from ems.web.monitoring import HealthChecks


def test_the_rate_is_shown(client: FlaskClient) -> None:
    rate = client.get("/rate").json

    assert (rate["account_limit"], rate["effective_rate"], rate["backlog"], rate["eta_seconds"]) == (100, 95, 190, 2)


def test_a_process_is_alive_whatever_it_can_reach(client: FlaskClient, world: World) -> None:
    world.broken |= {"sqs", "dynamodb", "ses"}

    assert client.get("/healthz").json == {"status": "ok"}


def test_readiness_tells_each_service(client: FlaskClient, world: World) -> None:
    world.broken.add("dynamodb")

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json["status"] == "not_ready"
    assert answer.json["checks"] == {"sqs": "ok", "dynamodb": "not reachable (ConnectionError)", "ses": "ok"}


def test_a_process_is_ready_while_the_breaker_holds_bulk_mail_and_says_so(client: FlaskClient, world: World) -> None:
    assert client.get("/readyz").json["notices"] == {}
    world.breaker.trip("6 % bounced")

    notified = world.client(Settings()).get("/readyz")

    assert notified.status_code == 200
    assert notified.json["notices"] == {"breaker": "all bulk mail is paused by the breaker: 6 % bounced"}


def test_a_notice_that_cannot_be_read_is_left_out() -> None:
    def read() -> str:
        raise UnavailableError("DynamoDB", "down")

    assert HealthChecks({}, {"breaker": read}).notices() == {}


def test_outcomes_are_remembered_longest_for_ses_which_answers_once_a_second() -> None:
    calls: list[str] = []
    now = [0.0]
    checks = HealthChecks(
        {"ses": lambda: calls.append("ses"), "sqs": lambda: calls.append("sqs")}, {}, clock=lambda: now[0]
    )

    for now[0] in (0.0, 0.5, 5.0, 9.9, 10.0):
        assert checks.outcomes() == {"ses": "ok", "sqs": "ok"}

    assert (calls.count("ses"), calls.count("sqs")) == (2, 3)


def test_a_failure_is_forgotten_when_the_service_is_back() -> None:
    now = [0.0]
    broken = {"sqs"}

    def check() -> None:
        if broken:
            raise ConnectionError

    checks = HealthChecks({"sqs": check}, {}, clock=lambda: now[0])
    assert checks.outcomes() != {"sqs": "ok"}
    broken.clear()
    now[0] = 1.0

    assert checks.outcomes() == {"sqs": "ok"}


def test_requests_are_counted_by_route_and_status(client: FlaskClient) -> None:
    client.get("/emails/em-1")
    client.get("/emails/other")
    client.get("/some/path/of/a/scanner")

    text = client.get("/metrics").text

    assert 'ems_http_requests_total{method="GET",route="/emails/<email_id>",status="200"} 1.0' in text
    assert 'ems_http_requests_total{method="GET",route="/emails/<email_id>",status="404"} 1.0' in text
    assert 'ems_http_request_seconds_count{method="any",route="unmatched",status="404"} 1.0' in text
    assert "scanner" not in text


_WORKER = """
from fakes.web import World
from ems.settings import Settings
client = World().client(Settings(metrics_public=True))
client.get("/emails/em-1", headers={"Authorization": "Bearer read"})
print(client.get("/metrics").text)
"""


def test_metrics_are_summed_over_the_workers_of_one_server(tmp_path: Path) -> None:
    environment = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", _WORKER]
    texts = [subprocess.check_output(command, env=environment, text=True) for _ in range(2)]

    assert [f'route="/emails/<email_id>",status="200"}} {count}' in texts[count - 1] for count in (1, 2)] == [True] * 2


@pytest.mark.parametrize("content_type", ["text/plain; charset=UTF-8", "application/json", None])
def test_the_webhook_takes_any_content_type_as_it_comes(
    client: FlaskClient, world: World, content_type: str | None
) -> None:
    answer = client.post("/webhooks/ses", data=b'{"Type": "Notification"}', content_type=content_type)

    assert (answer.status_code, answer.json) == (200, {"reason": "event taken"})
    assert world.intake.posts == [b'{"Type": "Notification"}']


def test_the_webhook_needs_no_key(world: World, settings: Settings) -> None:
    assert world.client(settings).post("/webhooks/ses", data=b"x").status_code == 200


@pytest.mark.parametrize("status", [400, 403, 413, 503])
def test_the_webhook_answers_as_the_intake_says(client: FlaskClient, world: World, status: int) -> None:
    world.intake.result = type(world.intake.result)(status, "because")

    answer = client.post("/webhooks/ses", data=b"x")

    assert (answer.status_code, answer.json["detail"]) == (status, "because")
