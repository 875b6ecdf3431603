"""The page of the API's documentation: drawn in a browser from what the server itself serves."""

import pytest
from browser.conftest import Browser
from stage.polling import until
from stage.product import Product

pytestmark = pytest.mark.processes


def test_the_page_draws_the_operations_and_shows_how_to_call_one(browser: Browser, product: Product) -> None:
    browser.open(f"{product.url}/docs")
    until(lambda: "/send-bulk-email" in browser.text("#docs"))
    browser.one("[data-path='/send-email'] button, [data-path='/send-email']").click()
    until(lambda: "campaign_id" in browser.text("#docs .opblock.is-open"))
    loaded = browser.chrome.execute_script("return performance.getEntriesByType('resource').map(e => e.name)")
    assert loaded
    assert all(name.startswith(product.url) for name in loaded)
