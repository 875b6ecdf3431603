"""``/emails`` and ``/batches`` at the edge."""

import pytest
from fakes.web import World
from flask.testing import FlaskClient

from ems.store.status import Status


def test_a_mail_is_shown_with_its_history_in_utc(client: FlaskClient) -> None:
    mail = client.get("/emails/em-1").json

    assert (mail["status"], mail["message_id"], mail["created_at"]) == ("delivered", "m-1", "2001-09-09T01:46:40Z")
    assert mail["timeline"][0]["type"] == "delivery"
    assert mail["timeline"][0]["at"] == "2001-09-09T01:46:41Z"
    assert mail["moments"]["delivery"]["count"] == 1


@pytest.mark.parametrize("path", ["/emails/nope", "/batches/nope", "/campaigns/nope"])
def test_an_unknown_id_is_404_and_named(client: FlaskClient, path: str) -> None:
    answer = client.get(path)

    assert answer.status_code == 404
    assert "nope" in answer.json["detail"]


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("message_id=m-1", ("message", "m-1", 50, None)),
        ("recipient=ada%40example.com&limit=200&cursor=x", ("recipient", "ada@example.com", 200, "x")),
        ("campaign_id=welcome", ("campaign", "welcome", None, 50, None)),
        ("campaign_id=welcome&status=bounced&limit=1", ("campaign", "welcome", Status.BOUNCED, 1, None)),
    ],
)
def test_mails_are_listed_by_one_thing(
    client: FlaskClient, world: World, query: str, asked: tuple[object, ...]
) -> None:
    answer = client.get(f"/emails?{query}")

    assert answer.status_code == 200
    assert answer.json["items"][0]["email_id"] == "em-1"
    assert world.emails.asked == [asked]


def test_a_page_names_the_next(client: FlaskClient) -> None:
    assert client.get("/emails?recipient=ada@example.com").json["next"] == "more"
    assert client.get("/emails?message_id=m-1").json["next"] is None


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ("", "message_id"),
        ("message_id=m&recipient=a@example.com", "recipient"),
        ("status=sent", "message_id"),
        ("message_id=m&status=sent", "status"),
        ("campaign_id=w&status=flying", "status"),
        ("campaign_id=w&limit=0", "limit"),
        ("campaign_id=w&limit=201", "limit"),
        ("campaign_id=w&limit=many", "limit"),
        ("campaign_id=w&limit=1&limit=2", "limit"),
        ("campaign_id=a%20b", "campaign_id"),
        ("campaign_id=w&page=2", "page"),
        ("recipient=" + "x" * 321, "recipient"),
    ],
)
def test_queries_that_make_no_sense_are_refused_by_parameter(client: FlaskClient, query: str, wrong: object) -> None:
    answer = client.get(f"/emails?{query}")

    assert answer.status_code == 422
    assert [one["field"] for one in answer.json["errors"]] == [wrong]


def test_a_batch_is_paused_resumed_and_cancelled(client: FlaskClient) -> None:
    assert client.get("/batches/ba-1").json["status"] == "waiting"
    assert client.post("/batches/ba-1/pause").json["status"] == "paused"
    assert client.post("/batches/ba-1/resume").json["status"] == "waiting"
    assert client.post("/batches/ba-1/cancel").json["status"] == "cancelled"
    assert client.post("/batches/ba-1/resume").status_code == 409


@pytest.mark.parametrize("action", ["pause", "resume", "cancel"])
def test_an_unknown_batch_cannot_be_steered(client: FlaskClient, action: str) -> None:
    assert client.post(f"/batches/nope/{action}").status_code == 404
