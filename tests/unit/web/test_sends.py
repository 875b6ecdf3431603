"""``POST /send-email`` and ``POST /send-bulk-email`` at the edge."""

import io

import pytest
from fakes.web import World
from flask.testing import FlaskClient
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from ems.errors import (
    ConflictError,
    EmsError,
    InvalidError,
    NoValidRecipientError,
    RejectedRecipient,
    UnavailableError,
    UnknownIdError,
)

MAIL = {"campaign_id": "welcome", "to": "ada@example.com"}


def fields(answer: TestResponse) -> set[str]:
    assert answer.status_code == 422
    assert answer.content_type == "application/problem+json"
    return {one["field"] for one in answer.json["errors"]}


def test_a_mail_is_accepted_with_its_id(client: FlaskClient, world: World) -> None:
    answer = client.post("/send-email", json={**MAIL, "cc": ["bob@example.com"], "data": {"n": 1}, "tags": {"a": "b"}})

    assert (answer.status_code, answer.json) == (202, {"email_id": "em-1", "status": "queued"})
    request, caller = world.acceptance.singles[0]
    assert (request.to, request.cc, request.data, request.tags) == (
        "ada@example.com",
        ("bob@example.com",),
        {"n": 1},
        {"a": "b"},
    )
    assert (caller.key_id, caller.idempotency_key) == ("all", None)


def test_the_id_of_a_request_goes_with_what_it_asks_for(client: FlaskClient, world: World) -> None:
    given = client.post("/send-email", json=MAIL, headers={"X-Request-Id": "order-7:1"})
    assert given.headers["X-Request-Id"] == "order-7:1"
    made = client.post(
        "/send-bulk-email",
        json={"campaign_id": "welcome", "recipients": [{"to": "a@example.com"}]},
        headers={"X-Request-Id": 'not"sane'},
    )
    [(_single, by_caller)], [(_bulk, by_us)] = world.acceptance.singles, world.acceptance.bulks
    assert by_caller.request_id == "order-7:1"
    assert by_us.request_id == made.headers["X-Request-Id"] != 'not"sane'


def test_the_line_that_a_request_leaves_in_the_log_names_what_it_made(client: FlaskClient) -> None:
    with capture_logs(processors=[merge_contextvars]) as lines:
        client.post("/send-email", json=MAIL, headers={"X-Request-Id": "order-7"})
    [line] = [line for line in lines if line["event"] == "request"]
    assert (line["request_id"], line["email_id"], line["status"]) == ("order-7", "em-1", 202)


def test_a_bulk_request_is_accepted_with_its_rejections(client: FlaskClient) -> None:
    answer = client.post(
        "/send-bulk-email",
        json={"campaign_id": "welcome", "name": "spring", "recipients": [{"to": "a@example.com"}, 5]},
    )

    assert answer.status_code == 202
    assert answer.json == {
        "batch_id": "ba-1",
        "accepted": 1,
        "rejected": [{"index": 1, "to": "5", "error": "no object"}],
    }


def test_bad_entries_reach_acceptance_so_that_each_is_rejected_on_its_own(client: FlaskClient, world: World) -> None:
    entries = [{"to": 5, "x": 1}, None, "text", {"to": "a@example.com"}]

    client.post("/send-bulk-email", json={"campaign_id": "welcome", "recipients": entries})

    assert world.acceptance.bulks[0][0].recipients == entries


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ("2030-01-31T09:00:00+01:00", 1_896_076_800.0),
        ("2030-01-31T08:00:00Z", 1_896_076_800.0),
        (1_896_076_800, 1_896_076_800.0),
        (None, None),
    ],
)
def test_send_at_is_iso_8601_or_epoch_seconds(
    client: FlaskClient, world: World, given: object, seconds: float | None
) -> None:
    body = {"campaign_id": "welcome", "recipients": [{"to": "a@example.com"}], "send_at": given}

    assert client.post("/send-bulk-email", json=body).status_code == 202
    assert world.acceptance.bulks[0][0].send_at == seconds


@pytest.mark.parametrize("given", ["2030-01-31T09:00:00", "tomorrow", [], True])
def test_send_at_without_an_offset_or_no_time_at_all_is_refused(client: FlaskClient, given: object) -> None:
    body = {"campaign_id": "welcome", "recipients": [{"to": "a@example.com"}], "send_at": given}

    assert fields(client.post("/send-bulk-email", json=body)) == {"send_at"}


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, {"campaign_id", "to"}),
        ({**MAIL, "to": 5}, {"to"}),
        ({**MAIL, "to": None}, {"to"}),
        ({**MAIL, "to": ["ada@example.com"]}, {"to"}),
        ({**MAIL, "cc": "bob@example.com"}, {"cc"}),
        ({**MAIL, "cc": ["bob@example.com", 7]}, {"cc[1]"}),
        ({**MAIL, "data": []}, {"data"}),
        ({**MAIL, "tags": {"a": 1}}, {"tags.a"}),
        ({**MAIL, "campaign_id": "no spaces"}, {"campaign_id"}),
        ({**MAIL, "campaign_id": "x" * 65}, {"campaign_id"}),
        ({**MAIL, "subject": "x", "too": "y"}, {"subject", "too"}),
        ({**MAIL, "bcc": ["a@example.com"] * 51}, {"bcc"}),
        ([MAIL], {"body"}),
        ("text", {"body"}),
    ],
)
def test_missing_unknown_and_wrongly_typed_fields_are_named(
    client: FlaskClient, world: World, body: object, wrong: object
) -> None:
    assert fields(client.post("/send-email", json=body)) == wrong
    assert world.acceptance.singles == []


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("/send-email", {**MAIL, "cc": ["a@example.com"] * 51}, "cc: 51 entries are too many; give at most 50"),
        ("/send-bulk-email", {"campaign_id": "welcome", "recipients": []}, "recipients: give at least 1"),
        (
            "/send-bulk-email",
            {"campaign_id": "welcome", "recipients": [{"to": "a@example.com"}], "send_at": "2030-01-31T09:00:00"},
            "send_at: add the offset from UTC",
        ),
    ],
)
def test_a_refusal_says_what_to_do_in_words_of_the_field(
    client: FlaskClient, path: str, body: object, words: str
) -> None:
    assert words in client.post(path, json=body).json["detail"]


@pytest.mark.parametrize("recipients", [[], {}, "a@example.com", None])
def test_a_bulk_request_needs_a_list_with_somebody_in_it(client: FlaskClient, recipients: object) -> None:
    body = {"campaign_id": "welcome", "recipients": recipients}

    assert fields(client.post("/send-bulk-email", json=body)) == {"recipients"}


def test_too_many_recipients_are_413_with_the_limit(client: FlaskClient, world: World) -> None:
    body = {"campaign_id": "welcome", "recipients": [{"to": f"a{i}@example.com"} for i in range(11)]}

    answer = client.post("/send-bulk-email", json=body)

    assert answer.status_code == 413
    assert "at most 10" in answer.json["detail"]
    assert world.acceptance.bulks == []


def test_a_body_beyond_the_limit_is_413_with_the_limit(client: FlaskClient) -> None:
    answer = client.post("/send-email", json={**MAIL, "data": {"text": "x" * 5000}})

    assert answer.status_code == 413
    assert "4096" in answer.json["detail"]


def test_a_chunked_body_beyond_the_limit_is_413_too(client: FlaskClient) -> None:
    body = b'{"campaign_id": "w", "to": "a", "data": {"x": "' + b"x" * 5000 + b'"}}'
    environ = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}

    answer = client.post("/send-email", input_stream=io.BytesIO(body), environ_overrides=environ)

    assert answer.status_code == 413


def test_a_chunked_body_within_the_limit_is_taken(client: FlaskClient) -> None:
    body = b'{"campaign_id": "w", "to": "a"}'
    environ = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}

    answer = client.post("/send-email", input_stream=io.BytesIO(body), environ_overrides=environ)

    assert answer.status_code == 202


def test_json_that_is_nested_without_end_is_malformed(client: FlaskClient) -> None:
    answer = client.post("/send-email", data=b"[" * 3000, content_type="application/json")

    assert answer.status_code == 400
    assert "recursion limit" in answer.json["detail"]


@pytest.mark.parametrize("key", ["a", "order 7/é".encode("ascii", "ignore").decode(), "~" * 128, "{[]}"])
def test_an_idempotency_key_reaches_acceptance(client: FlaskClient, world: World, key: str) -> None:
    client.post("/send-email", json=MAIL, headers={"Idempotency-Key": key})

    assert world.acceptance.singles[0][1].idempotency_key == key


@pytest.mark.parametrize("key", ["", "x" * 129, "tab\there", "é"])
@pytest.mark.parametrize("path", ["/send-email", "/send-bulk-email"])
def test_an_idempotency_key_that_is_empty_long_or_not_printable_is_refused(
    client: FlaskClient, path: str, key: str
) -> None:
    answer = client.post(path, json=MAIL, environ_overrides={"HTTP_IDEMPOTENCY_KEY": key})

    assert fields(answer) == {"Idempotency-Key"}


@pytest.mark.parametrize(
    ("text", "position"),
    [
        (b"", "line 1 column 0"),
        (b'{"campaign_id": "welcome",\n "to": }', "line 2 column 8"),
        (b'{"campaign_id": "welcome"} and more', "line 1 column 28"),
        (b'{"to": "\xff"}', "line 1 column"),
        (b'{"campaign_id": "w", "to": "a", "data": {"x": NaN}}', "line 1 column"),
        (b'{"campaign_id": "w", "to": "a", "data": {"x": -Infinity}}', "line 1 column"),
    ],
)
def test_malformed_json_is_400_with_its_position(client: FlaskClient, text: bytes, position: str) -> None:
    answer = client.post("/send-email", data=text, content_type="application/json")

    assert answer.status_code == 400
    assert position in answer.json["detail"]


def test_the_words_nan_and_infinity_may_stand_in_text(client: FlaskClient) -> None:
    assert client.post("/send-email", json={**MAIL, "data": {"x": "NaN to Infinity"}}).status_code == 202


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data"])
def test_another_content_type_is_415_with_the_right_one(client: FlaskClient, content_type: str | None) -> None:
    answer = client.post("/send-email", data="{}", content_type=content_type)

    assert answer.status_code == 415
    assert "application/json" in answer.json["detail"]


def test_a_compressed_body_is_415(client: FlaskClient) -> None:
    answer = client.post("/send-email", json=MAIL, headers={"Content-Encoding": "gzip"})

    assert answer.status_code == 415


@pytest.mark.parametrize("content_type", [None, "application/json; charset=utf-8", "application/vnd.example+json"])
def test_json_without_a_content_type_or_of_a_kind_is_taken(client: FlaskClient, content_type: str | None) -> None:
    answer = client.post("/send-email", data=b'{"campaign_id": "w", "to": "a"}', content_type=content_type)

    assert answer.status_code == 202


def test_query_parameters_that_mean_nothing_are_refused_before_anything_is_sent(
    client: FlaskClient, world: World
) -> None:
    answer = client.post("/send-email?dry_run=1", json=MAIL)

    assert fields(answer) == {"dry_run"}
    assert world.acceptance.singles == []


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InvalidError("data", "the template needs 'name'"), 422),
        (UnknownIdError("campaign", "welcome"), 404),
        (ConflictError("the Idempotency-Key belongs to another request"), 409),
        (UnavailableError("SQS", "down", retry_after=7), 503),
    ],
)
def test_what_acceptance_refuses_is_a_problem(client: FlaskClient, world: World, error: EmsError, status: int) -> None:
    world.acceptance.fails = error

    answer = client.post("/send-email", json=MAIL)

    assert answer.status_code == status
    assert str(error) in answer.json["detail"]
    assert answer.headers.get("Retry-After") == ("7" if status == 503 else None)


def test_a_request_without_any_valid_recipient_lists_the_reasons(client: FlaskClient, world: World) -> None:
    world.acceptance.fails = NoValidRecipientError([RejectedRecipient(0, "nobody", "no @")])

    answer = client.post("/send-bulk-email", json={"campaign_id": "w", "recipients": [{"to": "nobody"}]})

    assert fields(answer) == {"recipients"}
    assert answer.json["rejected"] == [{"index": 0, "to": "nobody", "error": "no @"}]
