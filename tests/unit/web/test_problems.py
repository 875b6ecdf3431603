"""Errors that are nobody's resource, request ids, and what is logged."""

import pytest
import structlog
from fakes.web import World
from flask.testing import FlaskClient
from structlog.testing import capture_logs


@pytest.mark.parametrize("path", ["/", "/nothing", "/emails/", "/emails/a/b"])
def test_an_unknown_path_is_a_problem(client: FlaskClient, path: str) -> None:
    answer = client.get(path)

    assert answer.status_code == 404
    assert answer.content_type == "application/problem+json"
    assert answer.json["type"] == "urn:ems:problem:not-found"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/campaigns/{}"),
        ("DELETE", "/campaigns/{}"),
        ("GET", "/campaigns/{}/emails.csv"),
        ("GET", "/batches/{}"),
        ("POST", "/batches/{}/pause"),
        ("GET", "/emails/{}"),
    ],
)
def test_an_id_that_is_too_long_for_any_key_is_unknown_and_is_not_asked_for(
    client: FlaskClient, method: str, path: str
) -> None:
    answer = client.open(path.format("x" * 3000), method=method)

    assert answer.status_code == 404
    assert answer.json["detail"].endswith("…'")


def test_a_wrong_method_is_a_problem_that_names_the_right_one(client: FlaskClient) -> None:
    answer = client.delete("/send-email")

    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST"
    assert "POST" in answer.json["detail"]


def test_an_unexpected_error_says_nothing_internal_and_is_logged_under_the_request_id(
    client: FlaskClient, world: World
) -> None:
    world.emails.fails = RuntimeError("secret of the house")
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as logs:
        answer = client.get("/emails/em-1", headers={"X-Request-Id": "r-1"})

    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert answer.json["instance"] == "urn:ems:request:r-1"
    (failure,) = [log for log in logs if log["event"] == "request_failed"]
    assert failure["request_id"] == "r-1"
    assert str(failure["exc_info"]) == "secret of the house"


def test_a_sane_request_id_is_kept(client: FlaskClient) -> None:
    assert client.get("/healthz", headers={"X-Request-Id": "a-1.b:c_D"}).headers["X-Request-Id"] == "a-1.b:c_D"


@pytest.mark.parametrize("given", ["", "with space", "x" * 129, "<script>", "é"])
def test_another_request_id_is_replaced(client: FlaskClient, given: object) -> None:
    answer = client.get("/healthz", environ_overrides={"HTTP_X_REQUEST_ID": given})

    assert answer.headers["X-Request-Id"] not in {given, ""}


@pytest.mark.parametrize("path", ["/healthz", "/nothing", "/docs", "/emails/nope"])
def test_every_answer_carries_a_request_id(client: FlaskClient, path: str) -> None:
    assert client.get(path).headers["X-Request-Id"]


def test_the_request_log_tells_who_did_what_and_no_address(client: FlaskClient) -> None:
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as logs:
        client.get("/emails?recipient=lovelace@example.com", headers={"X-Request-Id": "r-2"})
        client.post("/send-email", json={"campaign_id": "w", "to": "lovelace@example.com"})

    first = logs[0]
    assert (first["event"], first["method"], first["route"]) == ("request", "GET", "/emails")
    assert (first["status"], first["key_id"], first["request_id"]) == (200, "all", "r-2")
    assert first["ms"] >= 0
    assert "lovelace" not in str(logs)
