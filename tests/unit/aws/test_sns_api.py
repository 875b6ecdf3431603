"""Confirming a subscription, against botocore's own parsing of recorded answers."""

from typing import TYPE_CHECKING, NoReturn, cast

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber

from ems.aws.sns import ConfirmationRefusedError, SnsApi
from ems.errors import UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

TOPIC = "arn:aws:sns:us-east-1:123456789012:ems-events"
REQUEST = {"TopicArn": TOPIC, "Token": "t0k3n", "AuthenticateOnUnsubscribe": "true"}


@pytest.fixture
def client() -> "SNSClient":
    return boto3.client("sns", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")


def test_confirming_asks_that_unsubscribing_be_authenticated(client: "SNSClient") -> None:
    with Stubber(client) as stub:
        stub.add_response("confirm_subscription", {"SubscriptionArn": f"{TOPIC}:1"}, REQUEST)
        SnsApi(client).confirm(TOPIC, "t0k3n")
        stub.assert_no_pending_responses()


@pytest.mark.parametrize("code", ["InvalidParameter", "NotFound"])
def test_a_token_that_sns_will_never_take_is_refused(client: "SNSClient", code: str) -> None:
    with Stubber(client) as stub:
        stub.add_client_error("confirm_subscription", code, expected_params=REQUEST)
        with pytest.raises(ConfirmationRefusedError, match=code):
            SnsApi(client).confirm(TOPIC, "t0k3n")


@pytest.mark.parametrize("code", ["InternalError", "Throttling", "AuthorizationError"])
def test_what_may_pass_is_unavailable(client: "SNSClient", code: str) -> None:
    with Stubber(client) as stub:
        stub.add_client_error("confirm_subscription", code, expected_params=REQUEST)
        with pytest.raises(UnavailableError, match=code):
            SnsApi(client).confirm(TOPIC, "t0k3n")


class Unreachable:
    def confirm_subscription(self, **_request: str) -> NoReturn:
        raise EndpointConnectionError(endpoint_url="https://sns.us-east-1.amazonaws.com")


def test_an_unreachable_sns_is_unavailable() -> None:
    with pytest.raises(UnavailableError, match="EndpointConnectionError"):
        SnsApi(cast("SNSClient", Unreachable())).confirm(TOPIC, "t0k3n")
