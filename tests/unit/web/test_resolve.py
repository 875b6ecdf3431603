"""Deciding about doubts and retrying failures, at the edge."""

from dataclasses import replace

import pytest
from fakes.web import World
from flask.testing import FlaskClient

from ems.sending.requests import BatchCounts
from ems.sending.resolve import Order


@pytest.mark.parametrize(("path", "subject", "decided"), [("/emails/em-1", "em-1", 1), ("/batches/ba-1", "ba-1", 2)])
@pytest.mark.parametrize("dry_run", [False, True])
def test_an_operator_decides_about_doubts(
    client: FlaskClient, world: World, path: str, subject: str, decided: int, *, dry_run: bool
) -> None:
    query = "?dry_run=true" if dry_run else ""
    answer = client.post(f"{path}/resolve{query}", json={"decision": "resend"})

    assert answer.status_code == 200
    assert (answer.json["decision"], answer.json["dry_run"], answer.json["decided"]) == ("resend", dry_run, decided)
    assert world.resolver.orders == [(subject, Order("resend", "API key all", dry_run))]


@pytest.mark.parametrize("body", [{}, {"decision": "perhaps"}, {"decision": "sent", "who": "me"}])
def test_a_decision_that_is_none_is_refused(client: FlaskClient, body: dict[str, str]) -> None:
    assert client.post("/batches/ba-1/resolve", json=body).status_code == 422


def test_a_decision_about_an_unknown_mail_is_404(client: FlaskClient, world: World) -> None:
    assert client.post("/emails/nope/resolve", json={"decision": "sent"}).status_code == 404
    assert world.resolver.orders == []


def test_a_batch_shows_whom_it_has_in_doubt_and_why(client: FlaskClient, world: World) -> None:
    assert client.get("/batches/ba-1").json["doubts"] == []
    world.batches.batch = replace(world.batches.batch, counts=BatchCounts(sent=1, in_doubt=1))
    [doubt] = client.get("/batches/ba-1").json["doubts"]
    assert (doubt["email_id"], doubt["reason"], doubt["held"]) == ("ba-1-000001", "ReadTimeoutError", True)
    assert (doubt["since"], doubt["decides_at"]) == ("2001-09-09T01:46:40Z", "2001-09-09T01:48:40Z")


def test_a_batch_is_retried_after_saying_how_many(client: FlaskClient, world: World) -> None:
    for query, dry_run in (("?dry_run=true", True), ("", False)):
        answer = client.post(f"/batches/ba-1/retry{query}")
        assert answer.json == {"batch_id": "ba-1", "dry_run": dry_run, "retried": 3, "impossible": 0}
    assert world.retries.asked == [("ba-1", "API key all", True), ("ba-1", "API key all", False)]
