"""A real browser: Chromium, driven by its own driver."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from stage.polling import until

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@dataclass(frozen=True)
class Browser:
    """What a person does and sees."""

    chrome: Chrome

    def open(self, url: str) -> None:
        """Show a page."""
        self.chrome.get(url)

    def all(self, selector: str) -> list[WebElement]:
        """Find by CSS."""
        return self.chrome.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> WebElement:
        """Wait for an element; return the first."""
        return until(lambda: self.all(selector))[0]

    def links(self, selector: str) -> list[str]:
        """Where links lead; a table that its script redraws takes no click for sure."""
        script = "return [...document.querySelectorAll(arguments[0])].map(a => a.href)"
        return list(self.chrome.execute_script(script, selector))

    def text(self, selector: str = "body") -> str:
        """What stands in an element, hidden parts included; scripts redraw it at any moment."""
        script = "return (document.querySelector(arguments[0]) || {textContent: ''}).textContent"
        return str(self.chrome.execute_script(script, selector))

    def dom(self) -> str:
        """The whole page as it is now, hidden parts and attributes included."""
        return str(self.chrome.execute_script("return document.documentElement.outerHTML"))

    def complaints(self) -> list[str]:
        """Errors on the console since the last call: scripts that failed, parts that did not load."""
        return [entry["message"] for entry in self.chrome.get_log("browser") if entry["level"] == "SEVERE"]


@pytest.fixture(scope="session")
def chrome() -> Iterator[Chrome]:
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    driver = shutil.which("chromedriver")
    if browser is None or driver is None:
        missing = "no Chromium with chromedriver here; on Debian: apt-get install chromium chromium-driver"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    options = ChromeOptions()
    options.binary_location = browser
    for argument in (
        "--headless=new",
        "--disable-dev-shm-usage",
        "--window-size=1400,1000",
        "--disable-background-networking",
    ):
        options.add_argument(argument)
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")  # Chromium's own needs a user who is not root
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = Chrome(options=options, service=ChromeService(driver))
    yield chrome
    chrome.quit()


@pytest.fixture
def browser(chrome: Chrome) -> Iterator[Browser]:
    """The browser, whose pages must not complain."""
    browser = Browser(chrome)
    yield browser
    assert browser.complaints() == []
    browser.open("about:blank")
