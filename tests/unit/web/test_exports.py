"""Exports at the edge: streams that are read as they are written."""

import csv
import io
import json

import pytest
from fakes.web import World
from flask.testing import FlaskClient

from ems.errors import UnavailableError
from ems.store.status import Status

OF_ONE = [("/campaigns/welcome", "welcome"), ("/batches/ba-1", "ba-1")]


@pytest.mark.parametrize(("path", "identifier"), OF_ONE)
def test_mails_come_as_csv_to_keep(client: FlaskClient, world: World, path: str, identifier: str) -> None:
    answer = client.get(f"{path}/emails.csv")

    assert (answer.status_code, answer.content_type) == (200, "text/csv; charset=utf-8")
    assert answer.headers["Content-Disposition"] == f"attachment; filename={identifier}.csv"
    assert answer.headers["Cache-Control"] == "no-store"
    found = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert [row["email_id"] for row in found] == ["em-0", "em-1"]
    assert world.exports.asked == [(identifier, None)]


@pytest.mark.parametrize(("path", "identifier"), OF_ONE)
def test_mails_of_a_status_come_as_lines_of_json(client: FlaskClient, world: World, path: str, identifier: str) -> None:
    answer = client.get(f"{path}/emails.ndjson?status=delivered")

    assert answer.mimetype == "application/x-ndjson"
    assert [json.loads(line)["email_id"] for line in answer.text.splitlines()] == ["em-0", "em-1"]
    assert world.exports.asked == [(identifier, Status.DELIVERED)]


@pytest.mark.parametrize("path", ["/campaigns/nope/emails.csv", "/batches/nope/emails.ndjson"])
def test_an_export_of_an_unknown_id_is_404_and_no_file(client: FlaskClient, path: str) -> None:
    answer = client.get(path)

    assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")
    assert "nope" in answer.json["detail"]


@pytest.mark.parametrize("query", ["status=flying", "limit=3"])
def test_an_export_takes_no_other_query_than_a_status(client: FlaskClient, query: str) -> None:
    assert client.get(f"/campaigns/welcome/emails.csv?{query}").status_code == 422


def test_an_export_needs_a_key_that_may_read(client: FlaskClient) -> None:
    headers = {"Authorization": "Bearer send"}

    assert client.get("/campaigns/welcome/emails.csv", headers=headers).status_code == 403


def test_mails_are_read_as_their_reader_takes_them(client: FlaskClient, world: World) -> None:
    world.exports.lists = 1_000
    answer = client.get("/campaigns/welcome/emails.ndjson")
    pieces = iter(answer.response)

    read = [(next(pieces), world.exports.read)[1] for _ in range(5)]

    # werkzeug's client takes the first piece to see the headers.
    assert read == [1, 2, 3, 4, 5]
    answer.close()


def test_an_error_on_the_way_reaches_the_server_which_breaks_off(client: FlaskClient, world: World) -> None:
    world.exports.fails = UnavailableError("DynamoDB", "cannot list mails")
    answer = client.get("/campaigns/welcome/emails.ndjson")
    pieces: list[bytes] = []

    with pytest.raises(UnavailableError):
        pieces.extend(answer.response)

    assert json.loads(pieces[-1]) == {"incomplete": "DynamoDB is not available: cannot list mails"}
