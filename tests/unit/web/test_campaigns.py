"""``/campaigns`` at the edge, over the real service."""

import pytest
from fakes.web import World
from flask.testing import FlaskClient

CAMPAIGN = {
    "campaign_id": "welcome",
    "name": "Welcome",
    "kind": "transactional",
    "sender": "Example Shop <shop@Example.com>",
    "reply_to": ["help@example.com"],
    "template": {"subject": "Hello {{name}}", "html": "<p>{{order.id}}</p>", "text": "{{#if vip}}{{gift}}{{/if}}"},
}
CHANGED = {key: value for key, value in CAMPAIGN.items() if key != "campaign_id"}


def test_a_campaign_is_created_with_its_template_in_ses(client: FlaskClient, world: World) -> None:
    answer = client.post("/campaigns", json=CAMPAIGN)

    assert answer.status_code == 201
    campaign = answer.json
    assert campaign["sender"] == "Example Shop <shop@example.com>"
    assert campaign["variables"] == ["name", "order.id"]
    assert campaign["template"] == CAMPAIGN["template"]
    assert (campaign["state"], campaign["template_version"]) == ("active", 1)
    assert world.templates.created[campaign["template_name"]][0] == "Hello {{name}}"
    assert client.get("/campaigns/welcome").json == campaign


def test_a_campaign_without_an_id_gets_one(client: FlaskClient) -> None:
    campaign_id = client.post("/campaigns", json=CHANGED).json["campaign_id"]

    assert client.get(f"/campaigns/{campaign_id}").status_code == 200


def test_a_taken_id_is_409(client: FlaskClient) -> None:
    client.post("/campaigns", json=CAMPAIGN)

    assert client.post("/campaigns", json=CAMPAIGN).status_code == 409


def test_the_list_leaves_the_templates_out(client: FlaskClient) -> None:
    client.post("/campaigns", json=CAMPAIGN)

    page = client.get("/campaigns").json

    assert [one["campaign_id"] for one in page["items"]] == ["welcome"]
    assert "template" not in page["items"][0]
    assert page["next"] is None


def test_a_changed_template_is_a_new_version_and_the_old_one_stays(client: FlaskClient, world: World) -> None:
    first = client.post("/campaigns", json=CAMPAIGN).json
    body = {**CHANGED, "template": {"subject": "Hi {{name}}", "text": "x"}}

    second = client.put("/campaigns/welcome", json=body).json

    assert (second["template_version"], second["variables"]) == (2, ["name"])
    assert second["created_at"] == first["created_at"]
    assert set(world.templates.created) == {first["template_name"], second["template_name"]}


def test_a_campaign_is_paused_and_made_active_by_put(client: FlaskClient) -> None:
    client.post("/campaigns", json=CAMPAIGN)

    paused = client.put("/campaigns/welcome", json={**CHANGED, "state": "paused_by_operator", "state_reason": "typo"})
    assert (paused.json["state"], paused.json["state_reason"]) == ("paused_by_operator", "typo")

    assert client.put("/campaigns/welcome", json=CHANGED).json["state"] == "paused_by_operator"
    assert client.put("/campaigns/welcome", json={**CHANGED, "state": "active"}).json["state_reason"] is None


def test_a_campaign_is_paused_with_a_reason_and_resumed(client: FlaskClient) -> None:
    client.post("/campaigns", json=CAMPAIGN)

    paused = client.post("/campaigns/welcome/pause", json={"reason": "typo"})
    assert (paused.status_code, paused.json["state"]) == (200, "paused_by_operator")
    assert client.get("/campaigns/welcome").json["state_reason"] == "typo"

    resumed = client.post("/campaigns/welcome/resume")
    assert (resumed.json["state"], resumed.json["state_reason"]) == ("active", None)
    assert resumed.json["resumed_at"] is not None
    assert client.post("/campaigns/nobody/resume").status_code == 404


def test_a_deleted_campaign_is_gone_and_its_template_stays(client: FlaskClient, world: World) -> None:
    client.post("/campaigns", json=CAMPAIGN)

    answer = client.delete("/campaigns/welcome")

    assert (answer.status_code, answer.data) == (204, b"")
    assert client.get("/campaigns/welcome").status_code == 404
    assert client.delete("/campaigns/welcome").status_code == 404
    assert client.put("/campaigns/welcome", json=CHANGED).status_code == 404
    assert len(world.templates.created) == 1


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"kind": "spam"}, "kind"),
        ({"name": ""}, "name"),
        ({"name": "   "}, "name"),
        ({"name": "a\r\nBcc: b@example.com"}, "name"),
        ({"sender": "nobody"}, "sender"),
        ({"sender": "Shop\r\nBcc: b@example.com <shop@example.com>"}, "sender"),
        ({"sender": "shöp@example.com"}, "sender"),
        ({"sender": "a@example.com, b@example.com"}, "sender"),
        ({"reply_to": ["help@example.com", "nobody"]}, "reply_to[1]"),
        ({"reply_to": ["Help <help@example.com>"]}, "reply_to[0]"),
        ({"campaign_id": "a/b"}, "campaign_id"),
        ({"campaign_id": ""}, "campaign_id"),
        ({"colour": "red"}, "colour"),
        ({"template": {"subject": "s"}}, "template"),
        ({"template": {"subject": "", "text": "t"}}, "template.subject"),
        ({"template": {"subject": "a\nBcc: b@example.com", "text": "t"}}, "template.subject"),
        ({"template": {"subject": "{{#if}", "text": "t"}}, "template.subject"),
        ({"template": {"subject": "s", "html": "{{#if a}}"}}, "template.html"),
        ({"template": {"subject": "s", "text": "{{upper name}}"}}, "template.text"),
        ({"template": {"subject": "s", "text": "t", "mjml": "x"}}, "template.mjml"),
        ({"template": "s"}, "template"),
        ({"state": "paused_by_breaker"}, "state"),
    ],
)
def test_a_campaign_that_cannot_be_is_refused_by_field(
    client: FlaskClient, world: World, change: dict[str, object], wrong: object
) -> None:
    answer = client.post("/campaigns", json={**CAMPAIGN, **change})

    assert answer.status_code == 422
    assert [one["field"] for one in answer.json["errors"]] == [wrong]
    assert world.templates.created == {}


def test_a_bad_cursor_is_422_and_named(client: FlaskClient) -> None:
    answer = client.get("/campaigns?cursor=" + "x" * 2001)

    assert [one["field"] for one in answer.json["errors"]] == ["cursor"]


def test_the_window_of_the_content_guard_is_off_until_it_is_set(client: FlaskClient) -> None:
    assert client.post("/campaigns", json=CAMPAIGN).json["duplicate_window_seconds"] == 0
    changed = client.put("/campaigns/welcome", json={**CHANGED, "duplicate_window_seconds": 600}).json
    assert changed["duplicate_window_seconds"] == 600
    assert client.get("/campaigns/welcome").json == changed
    assert client.put("/campaigns/welcome", json=CHANGED).json["duplicate_window_seconds"] == 0


@pytest.mark.parametrize("seconds", [-1, 604_801, 1.5, "600", None, True])
def test_a_window_that_cannot_be_is_refused_by_its_name(client: FlaskClient, seconds: object) -> None:
    answer = client.post("/campaigns", json={**CAMPAIGN, "duplicate_window_seconds": seconds})
    assert answer.status_code == 422
    assert [problem["field"] for problem in answer.json["errors"]] == ["duplicate_window_seconds"]
