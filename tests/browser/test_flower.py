"""Flower's pages over the running product, as an operator sees them."""

from dataclasses import dataclass

import pytest
import requests
from browser.conftest import Browser
from stage.polling import until
from stage.product import Api, Product

pytestmark = pytest.mark.processes

PERSON = "very-private"
ADDRESS = f"{PERSON}@example.com"


@dataclass(frozen=True)
class Sent:
    """A mail that was sent, and the task that did it."""

    email_id: str
    task_id: str


@pytest.fixture(scope="module")
def sent(product: Product, api: Api) -> Sent:
    """Send a mail, and wait until Flower has heard that it is done."""
    email_id = api.single(api.campaign("flower", "transactional"), ADDRESS)

    def done() -> str | None:
        tasks = requests.get(f"{product.flower_url}/api/tasks", timeout=20).json()
        ended = (task for task in tasks.values() if task["kwargs"] == email_id and task["state"] == "SUCCESS")
        return next((str(task["uuid"]) for task in ended), None)

    return Sent(email_id, until(done))


def row(browser: Browser, name: str) -> dict[str, str]:
    """Read a worker's row by the heads of its columns, {} while there is none."""
    script = """
        const heads = [...document.querySelectorAll('#workers-table thead th')].map(th => th.textContent.trim());
        const row = [...document.querySelectorAll('#workers-table tbody tr')]
            .find(tr => tr.textContent.includes(arguments[0]));
        return row ? Object.fromEntries([...row.cells].map((td, i) => [heads[i], td.textContent.trim()])) : {};
    """
    return dict(browser.chrome.execute_script(script, name))


@pytest.mark.usefixtures("sent")
def test_the_page_of_workers_shows_them_online_and_counts_while_one_looks(
    browser: Browser, product: Product, api: Api
) -> None:
    browser.open(f"{product.flower_url}/workers")
    for name in ("sender@", "events@", "control@"):
        until(lambda: row(browser, name).get("Status") == "Online")  # noqa: B023
    before = int(row(browser, "sender@")["Succeeded"])
    api.single(api.campaign("counted", "transactional"), ADDRESS)
    until(lambda: int(row(browser, "sender@")["Succeeded"]) > before)
    assert PERSON not in browser.dom()


def test_the_page_of_tasks_lists_a_sent_mail_by_its_id_and_leads_to_all_about_it(
    browser: Browser, product: Product, sent: Sent
) -> None:
    browser.open(f"{product.flower_url}/tasks?name=ems.deliver_email")
    link = until(lambda: browser.links(f"#tasks-table tbody a[href*='/task/{sent.task_id}']"))[0]
    assert PERSON not in browser.dom()
    browser.open(link)
    told = browser.text(".task-details-card")
    assert "ems.deliver_email" in told
    assert sent.email_id in told
    assert "SUCCESS" in told
    assert "Runtime" in told
    assert PERSON not in browser.dom()


@pytest.mark.usefixtures("sent")
def test_the_page_of_a_worker_tells_all_about_it_but_no_address_and_no_secret(
    browser: Browser, product: Product
) -> None:
    browser.open(f"{product.flower_url}/workers")
    browser.open(until(lambda: browser.links("#workers-table a[href*='sender']"))[0])
    until(lambda: "ems.broker.pool:TaskPool" in browser.text())
    told = browser.text()
    assert "email-trigger" in told
    assert "ems.deliver_chunk" in told
    assert PERSON not in browser.dom()
    assert product.environment["EMS_BOOTSTRAP_API_KEY"] not in browser.dom()
