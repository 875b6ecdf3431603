"""boto3 clients with the timeouts and retries that each service's calls can bear.

Endpoints and credentials come from the standard AWS environment. Clients are thread-safe and made once a process.
"""

from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from ems.settings import USER_AGENT, Settings

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient

POOL_CONNECTIONS = 64
"""More than the threads of one process, so that no thread waits for a connection."""

SQS_LONG_POLL_SECONDS = 20


def sqs(settings: Settings) -> "SQSClient":
    """SQS: retried by botocore, since every message may be delivered twice anyway."""
    config = Config(
        user_agent=USER_AGENT,
        connect_timeout=2,
        read_timeout=SQS_LONG_POLL_SECONDS + 5,
        retries={"total_max_attempts": 3, "mode": "standard"},
        max_pool_connections=POOL_CONNECTIONS,
    )
    return boto3.session.Session().client("sqs", region_name=settings.aws_region, config=config)


def sns(settings: Settings) -> "SNSClient":
    """SNS: only set-up calls and confirmations, all of which may be repeated."""
    config = Config(
        user_agent=USER_AGENT, connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 3, "mode": "standard"}
    )
    return boto3.session.Session().client("sns", region_name=settings.aws_region, config=config)


def ses(settings: Settings) -> "SESV2Client":
    """SES for sending: never retried by botocore.

    SES has no idempotency token, and botocore would repeat a call whose answer was lost
    (``botocore.retryhandler.EXCEPTION_MAP`` holds ReadTimeoutError). Retries are EMS's own.
    """
    config = Config(
        user_agent=USER_AGENT,
        connect_timeout=settings.ses_connect_timeout_seconds,
        read_timeout=settings.ses_read_timeout_seconds,
        retries={"total_max_attempts": 1},
        max_pool_connections=POOL_CONNECTIONS,
    )
    return boto3.session.Session().client("sesv2", region_name=settings.aws_region, config=config)


def ses_setup(settings: Settings) -> "SESV2Client":
    """SES for preparing an account: all of those calls may be repeated, and SES takes one of them a second."""
    config = Config(
        user_agent=USER_AGENT, connect_timeout=3, read_timeout=20, retries={"total_max_attempts": 8, "mode": "standard"}
    )
    return boto3.session.Session().client("sesv2", region_name=settings.aws_region, config=config)
