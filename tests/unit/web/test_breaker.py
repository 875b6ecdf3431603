"""``/breaker``, and the breaker as Prometheus sees it."""

from collections.abc import Callable, Sequence

from fakes.web import World
from flask.testing import FlaskClient
from prometheus_client import CollectorRegistry, generate_latest

from ems.errors import UnavailableError
from ems.web.breaker_metrics import BreakerMetrics


def test_a_breaker_that_never_tripped_shows_its_limits(client: FlaskClient) -> None:
    shown = client.get("/breaker").json
    assert (shown["state"], shown["reason"], shown["changed_at"], shown["campaigns"]) == ("active", None, None, [])
    assert (shown["bounce_rate_limit"], shown["complaint_rate_limit"]) == (0.05, 0.001)
    assert shown["counted"] == {"since": None, "sent": 0, "hard_bounced": 0, "complained": 0}


def test_a_breaker_that_tripped_says_why_and_names_the_campaigns(client: FlaskClient, world: World) -> None:
    world.breaker.trip("6 % bounced")
    shown = client.get("/breaker").json
    assert (shown["state"], shown["reason"]) == ("paused_by_breaker", "6 % bounced")
    assert shown["counted"] == {"since": "1998-07-09T16:00:00Z", "sent": 1000, "hard_bounced": 12, "complained": 1}
    assert [(one["campaign_id"], one["reason"]) for one in shown["campaigns"]] == [("bad", "9 % bounced")]


def test_resuming_is_a_word_of_admins(client: FlaskClient, world: World) -> None:
    world.breaker.trip("6 % bounced")
    refused = client.post("/breaker/resume", headers={"Authorization": "Bearer read"})
    assert refused.status_code == 403
    resumed = client.post("/breaker/resume")
    assert (resumed.status_code, resumed.json["state"], resumed.json["reason"]) == (200, "active", None)
    assert not world.breaker.account.tripped


def scrape(tripped: Callable[[], tuple[str | None, Sequence[str]]]) -> list[str]:
    registry = CollectorRegistry()
    registry.register(BreakerMetrics(tripped))
    return [line for line in generate_latest(registry).decode().splitlines() if not line.startswith("#")]


def test_prometheus_sees_the_account_and_each_campaign() -> None:
    assert scrape(lambda: (None, [])) == ["ems_breaker_tripped 0.0"]
    assert scrape(lambda: ("6 % bounced", ["spring", "summer"])) == [
        "ems_breaker_tripped 1.0",
        'ems_campaign_breaker_tripped{campaign="spring"} 1.0',
        'ems_campaign_breaker_tripped{campaign="summer"} 1.0',
    ]


def test_what_cannot_be_read_is_left_out() -> None:
    def down() -> tuple[None, list[str]]:
        raise UnavailableError("DynamoDB", "down")

    assert scrape(down) == []
