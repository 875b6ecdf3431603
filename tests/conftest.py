"""Fixtures for all levels of tests."""

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from fakes.sns import SigningSns, certificate_for


@pytest.fixture(scope="session")
def sns() -> SigningSns:
    """An SNS with a key made for this test run."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return SigningSns(key=key, pem=certificate_for(key))
