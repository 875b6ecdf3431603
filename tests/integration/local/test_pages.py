"""The simulator's pages for people, as their HTML."""

import time
from typing import Any

import pytest
import requests

from ems.local.client import SimulatorClient
from ems.local.launcher import LocalAws

pytestmark = pytest.mark.processes

HOSTILE = "<script>alert(1)</script><b>offer</b>"


def page(own_aws: LocalAws, path: str = "/") -> requests.Response:
    return requests.get(f"{own_aws.ses_url}{path}", timeout=5)


def send(ses: Any, subject: str = HOSTILE) -> str:
    content = {"Simple": {"Subject": {"Data": subject}, "Body": {"Html": {"Data": HOSTILE}, "Text": {"Data": "offer"}}}}
    answer = ses.send_email(
        FromEmailAddress="news@example.com",
        Destination={"ToAddresses": ["a@example.com"], "CcAddresses": ["c@example.com"]},
        Content=content,
        EmailTags=[{"Name": "ems_email_id", "Value": "e-1"}],
    )
    return str(answer["MessageId"])


def test_an_empty_mailbox_says_so(own_aws: LocalAws) -> None:
    assert "No mail has been sent yet" in page(own_aws).text


def test_the_list_shows_who_got_what_and_what_became_of_it(
    own_aws: LocalAws, ses: Any, simulator: SimulatorClient
) -> None:
    message_id = send(ses, "Spring offer")
    assert simulator.wait_for_events()
    shown = page(own_aws).text
    assert "Spring offer" in shown
    assert "a@example.com" in shown
    assert f"/mails/{message_id}" in shown
    assert "Delivery" in shown


def test_a_mails_page_shows_its_parts_and_runs_none_of_its_code(
    own_aws: LocalAws, ses: Any, simulator: SimulatorClient
) -> None:
    message_id = send(ses)
    assert simulator.wait_for_events()
    shown = page(own_aws, f"/mails/{message_id}")
    assert "c@example.com" in shown.text
    assert HOSTILE not in shown.text
    assert 'sandbox=""' in shown.text
    assert "default-src 'none'" in shown.headers["Content-Security-Policy"]
    framed = page(own_aws, f"/mails/{message_id}/html")
    assert framed.text == HOSTILE
    assert "sandbox" in framed.headers["Content-Security-Policy"]


def test_the_link_in_a_mails_header_can_be_followed_and_no_other_scheme_is_one(own_aws: LocalAws, ses: Any) -> None:
    headers = [
        {"Name": "List-Unsubscribe", "Value": "<https://ems.example.com/unsubscribe/t?a=b&c=d>"},
        {"Name": "X-Strange", "Value": "<javascript:alert(1)>"},
    ]
    message_id = ses.send_email(
        FromEmailAddress="news@example.com",
        Destination={"ToAddresses": ["a@example.com"]},
        Content={
            "Simple": {"Subject": {"Data": "News"}, "Body": {"Text": {"Data": "hello"}}, "Headers": headers},
        },
    )["MessageId"]
    shown = page(own_aws, f"/mails/{message_id}").text
    assert 'href="https://ems.example.com/unsubscribe/t?a=b&amp;c=d"' in shown
    assert 'href="javascript' not in shown


def test_an_unknown_mail_is_not_found(own_aws: LocalAws) -> None:
    assert page(own_aws, "/mails/unknown").status_code == 404
    assert page(own_aws, "/mails/unknown/html").status_code == 404


def test_older_mails_are_a_page_away(own_aws: LocalAws, ses: Any) -> None:
    for number in range(51):
        send(ses, f"Mail {number}")
    assert "/?start=50" in page(own_aws).text
    older = page(own_aws, "/?start=50").text
    assert "51 to 51 of 51" in older


def test_the_mails_of_the_admin_api_come_in_pages(own_aws: LocalAws, ses: Any) -> None:
    sent = [send(ses, f"Mail {time.time_ns()}") for _ in range(3)]
    first = page(own_aws, "/_simulator/mails?limit=2").json()
    second = page(own_aws, f"/_simulator/mails?limit=2&cursor={first['next']}").json()
    assert [mail["message_id"] for mail in first["items"] + second["items"]] == sent
    assert (second["next"], second["total"]) == (None, 3)
    assert page(own_aws, "/_simulator/mails?limit=x").status_code == 400
