"""How the backend reads the feed, and has itself told."""

import pytest
from fakes.web import World
from flask.testing import FlaskClient

URL = "https://backend.example.com/ems"


def test_the_feed_is_read_from_a_cursor_on(client: FlaskClient, world: World) -> None:
    answer = client.get("/events?after=c1&limit=7&type=bounce&campaign_id=welcome").json
    [(cursor, wishes, limit)] = world.events.asked
    assert (cursor, wishes.event_types, wishes.campaign_ids, limit) == ("c1", ("bounce",), ("welcome",), 7)
    assert (answer["next"], answer["more"]) == ("further", False)
    [item] = answer["items"]
    assert (item["id"], item["type"], item["data"]["recipient"]) == ("evt_00_1", "bounce", "ada@example.com")


def test_without_wishes_all_is_read_from_the_beginning(client: FlaskClient, world: World) -> None:
    client.get("/events")
    [(cursor, wishes, _)] = world.events.asked
    assert (cursor, wishes.event_types, wishes.campaign_ids) == (None, (), ())


def test_a_secret_is_shown_when_it_is_made_and_never_again(client: FlaskClient) -> None:
    made = client.post("/webhook-endpoints", json={"url": URL, "event_types": ["bounce"], "campaign_ids": ["welcome"]})
    assert made.status_code == 201
    assert made.json["secret"].startswith("whsec_")
    assert client.post("/webhook-endpoints/we-1/rotate-secret").json["secret"].startswith("whsec_")
    read = client.get("/webhook-endpoints/we-1").json
    assert read == client.get("/webhook-endpoints").json["items"][0]
    assert (read["url"], read["event_types"], read["campaign_ids"]) == (URL, ["bounce"], ["welcome"])
    assert "secret" not in read


def test_an_endpoint_is_disabled_with_the_reason_and_enabled_again(client: FlaskClient, world: World) -> None:
    disabled = client.post("/webhook-endpoints/we-1/disable").json
    assert (disabled["state"], disabled["disabled_reason"]) == ("disabled", "by API key all")
    assert client.post("/webhook-endpoints/we-1/enable?skip=true").json["state"] == "active"
    assert world.endpoints.done == ["enabled, skip True"]


def test_an_endpoint_is_replaced_and_deleted(client: FlaskClient, world: World) -> None:
    assert client.put("/webhook-endpoints/we-1", json={"url": f"{URL}/2"}).json["url"] == f"{URL}/2"
    assert client.delete("/webhook-endpoints/we-1").status_code == 204
    assert world.endpoints.done == ["deleted"]
    assert client.get("/webhook-endpoints/we-2").status_code == 404


@pytest.mark.parametrize("body", [{}, {"url": ""}, {"url": URL, "event_types": ["nonsense"]}, {"url": URL, "x": 1}])
def test_an_endpoint_that_makes_no_sense_is_refused(client: FlaskClient, body: dict[str, object]) -> None:
    assert client.post("/webhook-endpoints", json=body).status_code == 422


@pytest.mark.parametrize("key", ["send", "read"])
def test_changing_endpoints_takes_an_admin(client: FlaskClient, key: str) -> None:
    asked = client.post("/webhook-endpoints", json={"url": URL}, headers={"Authorization": f"Bearer {key}"})
    assert asked.status_code == 403
