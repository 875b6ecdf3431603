"""Bulk mail as a mailbox provider and its reader meet it: the header of the mail, and what lies behind its link."""

import uuid
from typing import Any

import pytest
import requests
from stage.other_ses import Taken
from stage.polling import until
from stage.product import Api, Product

pytestmark = pytest.mark.processes

BULK = {
    "kind": "bulk",
    "sender": "Shop <shop@example.com>",
    "template": {"subject": "News", "text": "Dear {{name}}, leave at {{unsubscribe_url}}"},
}
BROWSER = {"Accept": "text/html,*/*;q=0.8"}


@pytest.fixture
def ada() -> str:
    return f"ada-{uuid.uuid4().hex[:8]}@example.com"


@pytest.fixture
def news(api: Api) -> str:
    return api.campaign("news", **BULK)


def recipients(*addresses: str) -> list[dict[str, Any]]:
    return [{"to": address, "data": {"name": "Ada"}} for address in addresses]


def url_of(mail: Taken) -> str:
    return mail.headers["List-Unsubscribe"].removeprefix("<").removesuffix(">")


def one_click(mail: Taken) -> requests.Response:
    """Post as RFC 8058 has mailbox providers do it."""
    name, _, value = mail.headers["List-Unsubscribe-Post"].partition("=")
    return requests.post(url_of(mail), data={name: value}, allow_redirects=False, timeout=30)


def test_one_click_ends_bulk_mail_and_also_what_was_accepted_before(
    product: Product, api: Api, news: str, ada: str
) -> None:
    bob = f"bob-{ada}"
    first = api.bulk(news, recipients(ada, bob))["batch_id"]
    api.finished(first)
    api.ok("PUT", f"/campaigns/{news}", {"name": "news", **BULK, "state": "paused_by_operator"})
    accepted_before = api.bulk(news, recipients(ada, bob))["batch_id"]

    mails = {mail.recipient: mail for mail in product.ses.books.of(first)}
    assert {url_of(mail) for mail in mails.values()} == {mail.data["unsubscribe_url"] for mail in mails.values()}
    assert len({url_of(mail) for mail in mails.values()}) == 2
    assert (one_click(mails[ada]).status_code, one_click(mails[ada]).status_code) == (200, 200)

    api.ok("PUT", f"/campaigns/{news}", {"name": "news", **BULK, "state": "active"})
    for batch_id in (accepted_before, api.bulk(news, recipients(ada, bob))["batch_id"]):
        counts = api.finished(batch_id)["counts"]
        assert (counts["sent"], counts["suppressed"]) == (1, 1)
        assert [mail.recipient for mail in product.ses.books.of(batch_id)] == [bob]
        assert api.email(f"{batch_id}-000000")["reason"] == "unsubscribe"

    left = api.email(f"{first}-000000")
    assert [(one["type"], one["detail"]) for one in left["timeline"]] == [("unsubscribe", {"by": "one-click"})]
    assert left["moments"]["unsubscribe"]["count"] == 1
    assert api.ok("GET", f"/campaigns/{news}/stats")["mails"]["unsubscribed"] == 1
    assert api.ok("GET", f"/suppressions/{ada}")["source"] == "unsubscribe link"
    api.reaches(api.single(api.campaign("receipts", "transactional"), ada), "sent")
    audit = product.ems("audit", news)
    assert audit.returncode == 0, audit.stdout


def test_the_page_changes_nothing_until_its_button_is_pressed_and_leads_back(
    product: Product, api: Api, news: str, ada: str
) -> None:
    email_id = api.single(news, ada)
    api.reaches(email_id, "sent")
    [mail] = product.ses.books.of(email_id)
    url = url_of(mail)
    assert "Unsubscribe?" in requests.get(url, headers=BROWSER, timeout=30).text
    assert requests.head(url, timeout=30).status_code == 200
    assert api.call("GET", f"/suppressions/{ada}").status == 404

    assert "You are unsubscribed" in requests.post(url, data={"action": "unsubscribe"}, timeout=30).text
    api.reaches(api.single(news, ada), "suppressed")
    assert "subscribed again" in requests.post(url, data={"action": "come-back"}, timeout=30).text
    api.reaches(api.single(news, ada), "sent")
    assert requests.get(url[:-4], headers=BROWSER, timeout=30).status_code == 404

    assert product.processes is not None
    log = until(lambda: text if "/unsubscribe/" in (text := product.processes.log.read_text()) else None)
    assert url.rpartition("/")[2] not in log
    assert ada not in log
