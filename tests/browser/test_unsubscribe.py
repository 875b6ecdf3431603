"""The page behind the link in a bulk mail, in its reader's browser."""

import pytest
from browser.conftest import Browser
from stage.polling import until
from stage.product import Api, Product

pytestmark = pytest.mark.processes

READER = "browsing-reader@example.com"


@pytest.fixture
def link(product: Product, api: Api) -> str:
    """Send a mail that has a link; return it."""
    email_id = api.single(api.campaign("browsed", "bulk"), READER)
    api.reaches(email_id, "sent")
    [mail] = product.ses.books.of(email_id)
    return mail.headers["List-Unsubscribe"].strip("<>")


def test_a_reader_leaves_with_one_press_of_a_button_and_comes_back_with_another(
    browser: Browser, api: Api, link: str
) -> None:
    browser.open(link)
    assert "Unsubscribe?" in browser.text("h1")
    assert api.call("GET", f"/suppressions/{READER}").status == 404
    browser.one("form button").click()
    until(lambda: "You are unsubscribed" in browser.text("h1"))
    assert api.ok("GET", f"/suppressions/{READER}")["source"] == "unsubscribe link"
    browser.one("form button").click()
    until(lambda: "subscribed again" in browser.text("h1"))
    assert api.call("GET", f"/suppressions/{READER}").status == 404
