from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from ems.aws.account import AccountSample, read_account
from ems.errors import UnavailableError

QUOTA = {"MaxSendRate": 100.0, "Max24HourSend": 50_000.0, "SentLast24Hours": 12.0}


def sample_of(answer: dict[str, Any]) -> AccountSample:
    client = boto3.client("sesv2", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")
    with Stubber(client) as stubber:
        stubber.add_response("get_account", answer)
        return read_account(client)


def test_a_reading_takes_the_quota_and_the_state() -> None:
    sample = sample_of({"SendQuota": QUOTA, "SendingEnabled": True, "EnforcementStatus": "PROBATION"})
    assert sample == AccountSample(100, 50_000, 12, sending_enabled=True, enforcement="PROBATION")
    assert sample.may_send


@pytest.mark.parametrize(
    "state",
    [
        {"SendingEnabled": False, "EnforcementStatus": "HEALTHY"},
        {"SendingEnabled": True, "EnforcementStatus": "SHUTDOWN"},
    ],
)
def test_a_paused_account_may_not_send(state: dict[str, Any]) -> None:
    assert not sample_of({"SendQuota": QUOTA, **state}).may_send


def test_an_answer_without_a_rate_is_no_reading() -> None:
    with pytest.raises(UnavailableError, match="EMS_MAX_SEND_RATE"):
        sample_of({"SendingEnabled": True})


def test_a_refusal_is_said_in_our_words() -> None:
    client = boto3.client("sesv2", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")
    with Stubber(client) as stubber:
        stubber.add_client_error("get_account", "TooManyRequestsException")
        with pytest.raises(UnavailableError, match="GetAccount"):
            read_account(client)
