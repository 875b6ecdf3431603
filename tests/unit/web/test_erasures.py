"""``/recipients`` and ``/erasures`` at the edge."""

from fakes.web import World
from flask.testing import FlaskClient
from structlog.testing import capture_logs

ANSWER = {
    "erasure_id": "a1",
    "status": "erasing",
    "erased_at": "2001-09-09T01:46:40Z",
    "look_again_at": "2001-09-09T01:49:40Z",
    "done_at": None,
    "mails": 3,
    "payloads": 0,
    "read": 9,
    "problem": None,
}


def test_erasing_answers_at_once_with_how_far_it_is_and_no_address(client: FlaskClient, world: World) -> None:
    answer = client.delete("/recipients/Ada%2Fnews@Example.com")
    assert (answer.status_code, answer.json) == (202, ANSWER)
    assert world.erasures.erased == ["ada/news@example.com"]
    assert client.get("/erasures/a1").json == ANSWER


def test_an_unknown_erasure_is_unknown_and_what_is_no_address_refused(client: FlaskClient) -> None:
    assert client.get("/erasures/b2").status_code == 404
    refused = client.delete("/recipients/nobody")
    assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, "address")


def test_no_log_names_who_was_erased(client: FlaskClient) -> None:
    with capture_logs() as logs:
        client.delete("/recipients/ada@example.com")
    assert logs
    assert "ada@example.com" not in str(logs)
