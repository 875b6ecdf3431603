"""Who may do what."""

import pytest
from fakes.web import World

from ems.settings import Settings

CAMPAIGN = {"name": "n", "kind": "bulk", "sender": "a@example.com", "template": {"subject": "s", "text": "t"}}
MAIL = {"campaign_id": "welcome", "to": "ada@example.com"}
BULK = {"campaign_id": "welcome", "recipients": [{"to": "ada@example.com"}]}

OPERATIONS = [
    ("POST", "/send-email", MAIL, "send"),
    ("POST", "/send-bulk-email", BULK, "send"),
    ("GET", "/emails/em-1", None, "read"),
    ("GET", "/emails?message_id=m-1", None, "read"),
    ("GET", "/batches/ba-1", None, "read"),
    ("POST", "/batches/ba-1/pause", None, "send"),
    ("POST", "/batches/ba-1/resume", None, "send"),
    ("POST", "/batches/ba-1/cancel", None, "send"),
    ("POST", "/campaigns", CAMPAIGN, "admin"),
    ("GET", "/campaigns", None, "read"),
    ("GET", "/campaigns/c", None, "read"),
    ("PUT", "/campaigns/c", CAMPAIGN, "admin"),
    ("DELETE", "/campaigns/c", None, "admin"),
    ("GET", "/suppressions", None, "read"),
    ("GET", "/suppressions/ada@example.com", None, "read"),
    ("PUT", "/suppressions/ada@example.com", {}, "admin"),
    ("DELETE", "/suppressions/ada@example.com", None, "admin"),
    ("GET", "/rate", None, "read"),
    ("GET", "/metrics", None, "read"),
]

each_operation = pytest.mark.parametrize(("method", "path", "body", "scope"), OPERATIONS)


@pytest.mark.parametrize(("method", "path", "body"), [row[:3] for row in OPERATIONS])
def test_without_a_key_everything_is_401(
    world: World, settings: Settings, method: str, path: str, body: object
) -> None:
    answer = world.client(settings).open(path, method=method, json=body)

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert "Authorization: Bearer" in answer.json["detail"]


@each_operation
def test_the_scope_of_an_operation_opens_it_and_no_other_does(
    world: World, settings: Settings, method: str, path: str, body: object, scope: str
) -> None:
    client = world.client(settings)
    for key in ("send", "read", "admin"):
        answer = client.open(path, method=method, json=body, headers={"Authorization": f"Bearer {key}"})
        if key == scope:
            assert answer.status_code not in {401, 403}
        else:
            assert answer.status_code == 403
            assert f"scope {scope}" in answer.json["detail"]
            assert f'scope="{scope}"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("header", ["Bearer wrong", "Bearer", "Bearer ", "Basic YTpi", "all", "Bearer all all"])
def test_a_wrong_key_or_scheme_is_401(world: World, settings: Settings, header: str) -> None:
    answer = world.client(settings).get("/rate", headers={"Authorization": header})

    assert answer.status_code == 401
    assert "WWW-Authenticate" in answer.headers


def test_the_key_is_checked_before_the_body(world: World, settings: Settings) -> None:
    answer = world.client(settings).post("/send-email", data="{", content_type="application/json")

    assert answer.status_code == 401


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/openapi.json", "/docs"])
def test_health_and_documentation_need_no_key(world: World, settings: Settings, path: str) -> None:
    assert world.client(settings).get(path).status_code == 200


def test_metrics_need_no_key_when_the_operator_says_so(world: World, settings: Settings) -> None:
    public = settings.model_copy(update={"metrics_public": True})

    assert world.client(public).get("/metrics").status_code == 200
