"""Numbers at the edge."""

import pytest
from fakes.web import World
from flask.testing import FlaskClient


@pytest.mark.parametrize(
    ("path", "named"), [("/campaigns/welcome", {"campaign_id": "welcome"}), ("/batches/ba-1", {"batch_id": "ba-1"})]
)
def test_a_subject_is_told_in_numbers_and_shares(client: FlaskClient, path: str, named: dict[str, str]) -> None:
    answer = client.get(f"{path}/stats").get_json()

    assert answer | named == answer
    assert (answer["mails"]["sent"], answer["mails"]["complained"], answer["events"]["open"]) == (100, 0, 33)
    assert answer["hard_bounces"] == {"General": 3, "NoEmail": 1}
    assert answer["rates"] == {
        "delivered": 0.8,
        "hard_bounced": 0.04,
        "complained": 0.0,
        "opened": 0.25,
        "clicked": 0.1,
    }
    assert answer["delivery_seconds"] == {"mails": 80, "p50": 0.4, "p95": 2.5}
    assert answer["opens"]["apple_mpp"] == {"mails": 9, "events": 9}
    assert answer["links"] == [{"link": "https://www.example.com/offer", "clicks": 12, "mails": 8, "machine_clicks": 0}]
    assert answer["since"] == "2001-09-09T01:46:40Z"


def test_a_campaigns_numbers_say_whether_the_breaker_paused_it_and_why(client: FlaskClient) -> None:
    answer = client.get("/campaigns/welcome/stats").get_json()
    assert (answer["state"], answer["state_reason"]) == ("paused_by_breaker", "4 of 100 bounced")
    assert "state" not in client.get("/batches/ba-1/stats").get_json()


@pytest.mark.parametrize("path", ["/campaigns/welcome", "/batches/ba-1"])
def test_a_series_tells_when_mails_came_to_what_they_are(client: FlaskClient, world: World, path: str) -> None:
    answer = client.get(f"{path}/stats/series?step=minute&from=2001-09-09T01:00:00Z&to=2001-09-09T05:00:00Z").get_json()

    assert answer["step"] == "minute"
    assert answer["points"][0] == {"at": "2001-09-09T01:46:40Z", "mails": {"sent": 90, "delivered": 70}}
    assert world.statistics.asked == [(path.rpartition("/")[2], "minute", 999997200.0, 1000011600.0)]


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("from=2001-09-09T05:00:00Z&to=2001-09-09T01:00:00Z", "before"),
        ("step=minute&from=2001-01-01T00:00:00Z&to=2001-12-01T00:00:00Z", "steps apart"),
        ("step=day", "step"),
        ("from=2001-01-01T00:00:00", "from"),
    ],
)
def test_a_stretch_that_makes_no_sense_is_422(client: FlaskClient, query: str, word: str) -> None:
    answer = client.get(f"/campaigns/welcome/stats/series?{query}")
    assert (answer.status_code, word in answer.text) == (422, True)


@pytest.mark.parametrize(
    "path",
    ["/campaigns/nope/stats", "/batches/nope/stats", "/campaigns/nope/stats/series", "/batches/nope/stats/series"],
)
def test_numbers_of_an_unknown_id_are_404(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404
