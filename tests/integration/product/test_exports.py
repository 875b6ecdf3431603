"""Exports of what was sent, read over HTTP while they are written."""

import csv
import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

import pytest
import requests
from stage.product import Api, Product, people
from stage.ses_events import SentMail, Webhook, event

pytestmark = pytest.mark.processes

NUMBER = 450
"""Recipients: some for each of the campaign's index shards."""


@pytest.fixture(scope="session")
def sent(product: Product, api: Api) -> tuple[str, str, str]:
    """A campaign, its batch, and its single mail."""
    campaign_id = api.campaign("exported", "bulk")
    single = api.single(campaign_id, "alone@example.com")
    batch_id = api.bulk(campaign_id, people(NUMBER, label="exported"))["batch_id"]
    api.finished(batch_id)
    api.reaches(single, "sent")
    assert product.ses.books.of(batch_id)
    return campaign_id, batch_id, single


def lines(api: Api, path: str) -> Iterator[str]:
    """Read a stream line by line; fails when it breaks off."""
    headers = {"Authorization": f"Bearer {api.key}"}
    with closing(requests.get(api.url + path, headers=headers, stream=True, timeout=30)) as answer:
        assert answer.status_code == 200
        assert answer.headers["Transfer-Encoding"] == "chunked"
        yield from answer.iter_lines(decode_unicode=True)


def as_csv(api: Api, path: str) -> dict[str, Mapping[str, str]]:
    return {row["email_id"]: row for row in csv.DictReader(lines(api, path))}


def as_json(api: Api, path: str) -> dict[str, Any]:
    return {mail["email_id"]: mail for mail in map(json.loads, lines(api, path))}


def test_a_batch_is_exported_as_ses_knows_it(product: Product, api: Api, sent: tuple[str, str, str]) -> None:
    _, batch_id, _ = sent
    taken = {one.email_id: (one.recipient, one.message_id) for one in product.ses.books.of(batch_id)}
    assert len(taken) == NUMBER
    for export in (as_csv(api, f"/batches/{batch_id}/emails.csv"), as_json(api, f"/batches/{batch_id}/emails.ndjson")):
        assert {email_id: (one["recipient"], one["message_id"]) for email_id, one in export.items()} == taken
        assert {one["status"] for one in export.values()} == {"sent"}


def test_a_campaign_is_exported_with_its_single_mails_and_the_events_so_far(
    product: Product, api: Api, webhook: Webhook, sent: tuple[str, str, str]
) -> None:
    campaign_id, _, single = sent
    [taken] = product.ses.books.of(single)
    webhook.notify(event("Delivery", SentMail(taken.message_id, taken.recipient, taken.tags)))
    api.reaches(single, "delivered")
    rows = as_csv(api, f"/campaigns/{campaign_id}/emails.csv")
    assert len(rows) == NUMBER + 1
    assert (rows[single]["status"], rows[single]["delivery_count"]) == ("delivered", "1")
    assert list(as_json(api, f"/campaigns/{campaign_id}/emails.ndjson?status=delivered")) == [single]


def test_operators_find_mails_and_write_a_campaign_into_a_file(
    product: Product, api: Api, sent: tuple[str, str, str]
) -> None:
    campaign_id, batch_id, single = sent
    [line] = product.ems("emails", "--recipient", "alone@example.com", "--json").stdout.splitlines()
    assert json.loads(line) == api.email(single)
    done = product.ems("emails", "export", campaign_id, "-o", "mails.csv")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    with (product.directory / "mails.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == NUMBER + 1
    written = product.ems("emails", "export", batch_id, "--format", "ndjson")
    assert len(written.stdout.splitlines()) == NUMBER
    unknown = product.ems("emails", "export", "no-such-thing")
    assert (unknown.returncode, "no campaign 'no-such-thing'" in unknown.stderr) == (1, True)


def test_operators_read_the_story_of_a_mail(product: Product, sent: tuple[str, str, str]) -> None:
    _, batch_id, single = sent
    told = product.ems("trace", f"{batch_id}-000007")
    assert told.returncode == 0, told.stderr
    assert f"{batch_id}: {NUMBER} recipients" in told.stdout
    assert all(what in told.stdout for what in ("exported-7@example.com", "accepted", "recorded", "sent"))
    story = json.loads(product.ems("trace", single, "--json").stdout)
    assert {"accepted", "sent"} <= {one["what"] for one in story["happened"]}
    assert (story["email"]["email_id"], story["batch"]) == (single, None)
    unknown = product.ems("trace", "no-such-thing")
    assert (unknown.returncode, "no email 'no-such-thing'" in unknown.stderr) == (1, True)
