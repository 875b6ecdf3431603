"""Fixtures of tests that run the product beside another SES; the ``product`` itself is each folder's own."""

import dataclasses
from collections.abc import Iterator

import pytest
from fakes.sns import SigningSns
from stage.other_ses import OtherSes
from stage.product import Api, Product
from stage.ses_events import Webhook

RATE = 100.0
"""Recipients a second of the account."""


@pytest.fixture(scope="session")
def other_ses(sns: SigningSns) -> Iterator[OtherSes]:
    ses = OtherSes(rate=RATE, certificate=sns.pem)
    yield ses
    ses.vanish()


@pytest.fixture(scope="session")
def api(product: Product) -> Iterator[Api]:
    with Api(product.url) as api:
        yield api


@pytest.fixture(scope="session")
def signing_sns(sns: SigningSns, product: Product) -> SigningSns:
    """SNS as the product knows it: its topic, and the certificate URL that it was told to trust."""
    return dataclasses.replace(sns, topic_arn=product.topic_arn, cert_url=product.ses.certificate_url)


@pytest.fixture(scope="session")
def webhook(product: Product, signing_sns: SigningSns) -> Webhook:
    return Webhook(product.url, signing_sns)
