"""Clients whose answers a test writes."""

from collections.abc import Iterator

import boto3
import pytest
from botocore.stub import Stubber
from mypy_boto3_sesv2 import SESV2Client


@pytest.fixture
def ses_client() -> SESV2Client:
    return boto3.session.Session(aws_access_key_id="x", aws_secret_access_key="x").client(
        "sesv2", region_name="us-east-1"
    )


@pytest.fixture
def ses(ses_client: SESV2Client) -> Iterator[Stubber]:
    """What SES is to answer to ``ses_client``; all of it must be asked for."""
    with Stubber(ses_client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()
