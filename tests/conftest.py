"""Fixtures for all levels of tests."""

from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from fakes.sns import SigningSns, certificate_for
from hypothesis import settings as hypothesis_settings
from moto import mock_aws
from stage.fixtures import api, other_ses, signing_sns, webhook
from stage.one_worker import OneWorkerForAStand
from stage.shared_product import product

from ems.settings import Settings
from ems.store.tables import Tables, bind

__all__ = ["api", "other_ses", "product", "signing_sns", "webhook"]

# No test asserts a wall-clock time, and Hypothesis's deadline for an example is one. The same code gives the same
# result: what only chance finds is looked for by `make explore`, and what it finds becomes a test of its own.
hypothesis_settings.register_profile("ems", deadline=None, derandomize=True)
hypothesis_settings.register_profile("explore", deadline=None, print_blob=True)
hypothesis_settings.load_profile("ems")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneWorkerForAStand | None:
    return OneWorkerForAStand(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.fixture(scope="session")
def sns() -> SigningSns:
    """An SNS with a key made for this test run."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return SigningSns(key=key, pem=certificate_for(key))


@pytest.fixture(scope="session")
def _bound_tables() -> Tables:
    """Bound once: every binding makes clients of its own, which takes longer than most tests."""
    return bind(Settings(aws_region="us-east-1", table_prefix="test-"))


@pytest.fixture
def tables(_bound_tables: Tables, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tables]:
    """The tables, empty, in this process. One thread at a time: moto's transactions are not atomic across threads."""
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        for table in _bound_tables.all():
            table.create_table(wait=False)
        yield _bound_tables
