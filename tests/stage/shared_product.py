"""The whole of EMS beside another SES, as its operator runs it; one for all tests that only use it."""

from collections.abc import Iterator

import pytest
from stage.other_ses import OtherSes
from stage.product import Product, provisioned, wait_until_ready


@pytest.fixture(scope="session")
def product(other_ses: OtherSes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    directory = tmp_path_factory.mktemp("product")
    settings = {
        "EMS_SES_READ_TIMEOUT_SECONDS": "5",
        "EMS_VISIBILITY_TIMEOUT_SECONDS": "30",
        "EMS_WEBHOOK_ALLOW_PRIVATE": "1",
        "EMS_METRICS_TARGETS": str(directory / "targets"),
        "FLOWER_UNAUTHENTICATED_API": "true",
    }
    with (
        provisioned(directory, ses=other_ses, region_variable="AWS_DEFAULT_REGION", **settings) as product,
        product.start() as ems,
    ):
        wait_until_ready(product.url, ems)
        product.processes = ems
        yield product
        ems.kill("celery")  # nothing is asked of them any more
