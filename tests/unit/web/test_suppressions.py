"""``/suppressions`` at the edge, over the real list."""

from urllib.parse import quote

import pytest
from fakes.web import World
from flask.testing import FlaskClient

from ems.store.suppressions import Suppression

BOUNCED = Suppression("gone@example.com", reason="bounce", scope="all", source="ses-event", since=9e8, email_id="em-1")


@pytest.fixture(autouse=True)
def _a_bounce_on_the_list(world: World) -> None:
    world.suppressions.entries[BOUNCED.address] = BOUNCED


def test_an_entry_says_why_since_when_and_by_which_mail(client: FlaskClient) -> None:
    assert client.get("/suppressions/Gone@Example.com").json == {
        "address": "gone@example.com",
        "reason": "bounce",
        "scope": "all",
        "source": "ses-event",
        "since": "1998-07-09T16:00:00Z",
        "email_id": "em-1",
        "earlier_reason": None,
        "earlier_since": None,
    }


def test_a_put_without_words_stops_all_mail_by_hand(client: FlaskClient) -> None:
    answer = client.put("/suppressions/ada@example.com", json={})
    assert answer.status_code == 200
    assert answer.json == {
        "address": "ada@example.com",
        "reason": "manual",
        "scope": "all",
        "source": "API key all",
        "since": "2001-09-09T01:46:40Z",
        "email_id": None,
        "earlier_reason": None,
        "earlier_since": None,
    }
    assert client.get("/suppressions/ada@example.com").json == answer.json


def test_who_unsubscribes_still_gets_transactional_mail_unless_said_otherwise(client: FlaskClient) -> None:
    assert client.put("/suppressions/a@example.com", json={"reason": "unsubscribe"}).json["scope"] == "bulk"
    both = {"reason": "unsubscribe", "scope": "all"}
    assert client.put("/suppressions/a@example.com", json=both).json["scope"] == "all"


def test_a_put_may_narrow_what_an_event_has_put_there(client: FlaskClient) -> None:
    narrowed = client.put("/suppressions/gone@example.com", json={"scope": "bulk"}).json
    assert (narrowed["reason"], narrowed["scope"], narrowed["source"]) == ("manual", "bulk", "API key all")


def test_the_same_again_changes_nothing(client: FlaskClient, world: World) -> None:
    client.put("/suppressions/gone@example.com", json={"reason": "bounce", "scope": "all"})
    assert world.suppressions.entries[BOUNCED.address] == BOUNCED


def test_an_entry_that_changes_at_the_same_moment_is_left_as_it_is(client: FlaskClient, world: World) -> None:
    def bounce() -> None:
        world.suppressions.entries["ada@example.com"] = BOUNCED

    world.suppressions.meanwhile = bounce
    assert client.put("/suppressions/ada@example.com", json={"scope": "bulk"}).status_code == 409
    assert world.suppressions.entries["ada@example.com"] == BOUNCED


def test_a_removed_address_is_gone(client: FlaskClient) -> None:
    answer = client.delete("/suppressions/GONE@example.com")
    assert (answer.status_code, answer.data) == (204, b"")
    assert client.get("/suppressions/gone@example.com").status_code == 404


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_an_address_that_is_not_on_the_list_is_404(client: FlaskClient, method: str) -> None:
    assert client.open("/suppressions/here@example.com", method=method).status_code == 404


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("o'neil+news/2@example.com", "o'neil+news/2@example.com"),
        ("Ada@b\u00fccher.example", "ada@xn--bcher-kva.example"),
        ("50%?#@example.com", "50%?#@example.com"),
    ],
)
def test_an_address_in_the_path_is_url_encoded(client: FlaskClient, address: str, key: str) -> None:
    path = f"/suppressions/{quote(address, safe='')}"
    assert client.put(path, json={}).json["address"] == key
    assert client.get(path).json["address"] == key
    assert client.delete(path).status_code == 204


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize(
    "address", ["nobody", "Ada%20<ada@example.com>", "a@example.com,b@example.com", "a%00@b.example"]
)
def test_what_is_no_address_is_refused(client: FlaskClient, method: str, address: str) -> None:
    answer = client.open(f"/suppressions/{address}", method=method, json={} if method == "PUT" else None)
    assert answer.status_code == 422
    assert [one["field"] for one in answer.json["errors"]] == ["address"]


@pytest.mark.parametrize(
    ("body", "wrong"), [({"reason": "spam"}, "reason"), ({"scope": "none"}, "scope"), ({"since": 1}, "since")]
)
def test_a_body_that_cannot_be_is_refused_by_field(client: FlaskClient, body: dict[str, object], wrong: str) -> None:
    answer = client.put("/suppressions/ada@example.com", json=body)
    assert answer.status_code == 422
    assert [one["field"] for one in answer.json["errors"]] == [wrong]


def test_the_list_comes_in_pages_and_by_reason_and_scope(client: FlaskClient) -> None:
    for name in ("a", "b", "c"):
        client.put(f"/suppressions/{name}@example.com", json={"reason": "unsubscribe"})

    def listed(query: str) -> list[str]:
        found, cursor = [], ""
        while True:
            page = client.get(f"/suppressions?limit=2&{query}{cursor}").json
            found += [one["address"] for one in page["items"]]
            if page["next"] is None:
                return found
            cursor = f"&cursor={quote(page['next'])}"

    unsubscribed = ["a@example.com", "b@example.com", "c@example.com"]
    assert listed("") == [*unsubscribed, "gone@example.com"]
    assert listed("reason=unsubscribe") == unsubscribed
    assert listed("scope=all") == ["gone@example.com"]
    assert listed("reason=unsubscribe&scope=all") == []


@pytest.mark.parametrize("query", ["reason=spam", "scope=none", "limit=0", "address=x"])
def test_a_listing_that_makes_no_sense_is_refused_by_parameter(client: FlaskClient, query: str) -> None:
    answer = client.get(f"/suppressions?{query}")
    assert answer.status_code == 422
    assert [one["field"] for one in answer.json["errors"]] == [query.partition("=")[0]]
