"""An account with a web process, on which tests start and end the workers as they please."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from stage.fixtures import api, other_ses, signing_sns, webhook
from stage.other_ses import OtherSes
from stage.product import Api, Product, provisioned, wait_until_ready

__all__ = ["api", "other_ses", "signing_sns", "webhook"]

WORKERS = ("sender", "events", "control", "beat")

SHORT_WAITS = {
    "EMS_VISIBILITY_TIMEOUT_SECONDS": "10",  # what a killed sender had in hand comes back after this
    "EMS_ACCOUNT_REFRESH_SECONDS": "2",
    "EMS_SES_CONNECT_TIMEOUT_SECONDS": "1",
    "EMS_SES_READ_TIMEOUT_SECONDS": "2",
    "EMS_IN_DOUBT_SECONDS": "4",
}


@pytest.fixture(scope="session")
def product(other_ses: OtherSes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with (
        provisioned(tmp_path_factory.mktemp("faults"), ses=other_ses, **SHORT_WAITS) as product,
        product.start("web") as web,
    ):
        wait_until_ready(product.url, web)
        product.processes = web
        yield product


@pytest.fixture(scope="session")
def drive(api: Api) -> str:
    """A bulk campaign."""
    return api.campaign("drive", "bulk")


@pytest.fixture(scope="session")
def notice(api: Api) -> str:
    """A transactional campaign."""
    return api.campaign("notice", "transactional")


class Crew:
    """The workers. There is one set of them for all tests."""

    def __init__(self, product: Product) -> None:
        self._product = product
        self.processes = product.start(*WORKERS)

    @contextmanager
    def away(self) -> Iterator[None]:
        """Stop the workers for a while; another set comes back whatever happens meanwhile."""
        self.processes.stop()
        try:
            yield
        finally:
            self.processes = self._product.start(*WORKERS)

    def logged(self, *words: str) -> bool:
        """Tell whether a line of the log holds all *words*."""
        return any(all(word in line for word in words) for line in self.processes.log.read_text().splitlines())


@pytest.fixture(scope="session")
def crew(product: Product) -> Iterator[Crew]:
    running = Crew(product)
    yield running
    running.processes.kill("celery")  # nothing is asked of them any more
    running.processes.stop()
