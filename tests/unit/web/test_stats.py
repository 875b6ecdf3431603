"""Numbers at the edge."""

import pytest
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


@pytest.mark.parametrize("path", ["/campaigns/nope/stats", "/batches/nope/stats"])
def test_numbers_of_an_unknown_id_are_404(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404
