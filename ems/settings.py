"""Typed settings, read once at start.

Two sources: the standard AWS environment (region, credentials chain, ``AWS_ENDPOINT_URL*``), which boto3 and
PynamoDB read themselves, and the ``EMS_*`` variables below. docs/operations.md describes each for operators; a test
keeps that page complete.
"""

import os
import re
import sys
from collections.abc import Mapping
from importlib.metadata import version
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    AliasChoices,
    Field,
    HttpUrl,
    PositiveFloat,
    SecretStr,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from ems.errors import EmsError

MIB = 1024 * 1024

USER_AGENT = f"ems/{version('ems')} botocore/{version('botocore')}"
"""What every AWS client says it is. botocore's own is put together for each call anew, a tenth of what a call costs
(botocore 1.43, ``UserAgentString.to_string``)."""

REGION_VARIABLES = ("AWS_REGION", "AWS_DEFAULT_REGION")

TOPIC_ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):sns:(?P<region>[a-z0-9-]+):[0-9]{12}:[A-Za-z0-9_-]{1,256}(?:\.fifo)?"
)

MAX_PUBLIC_URL = 300
"""Characters. A link with it stands in a header, which SES limits to 995 (sesv2 ``MessageHeader``)."""

MIN_SECRET = 32
"""Characters of a secret: 128 bits if they are hexadecimal digits."""

_TASK_RATE = re.compile(r"(?P<tasks>[0-9]+(\.[0-9]+)?)(/[smh])?")
_HTTP_URL = TypeAdapter(HttpUrl)
_SECRETS = frozenset({"bootstrap_api_key", "unsubscribe_secrets"})


class SettingsError(EmsError):
    """The environment does not make sense; each line names a variable and what is wrong with it."""


def _http_url(text: str) -> str:
    try:
        url = _HTTP_URL.validate_python(text)
    except ValidationError:
        url = None
    if url is None or url.query is not None or url.fragment is not None:
        raise ValueError("name an http:// or https:// URL such as https://ems.example.com")
    return text.rstrip("/")


def _public_url(text: str) -> str:
    url = _http_url(text)
    if len(url) > MAX_PUBLIC_URL:
        raise ValueError(f"name a URL of at most {MAX_PUBLIC_URL} characters, since it stands in headers of mails")
    return url


def _task_rate(text: str) -> str:
    """Refuse what Celery could not read, and 0, which it reads as no limit at all."""
    rate = _TASK_RATE.fullmatch(text)
    if rate is None or float(rate["tasks"]) == 0:
        raise ValueError("name a number of tasks above 0 and s, m or h, such as 1000/s")
    return text


def _topic_arn(text: str) -> str:
    if not TOPIC_ARN.fullmatch(text):
        raise ValueError("name the topics by their ARNs, such as arn:aws:sns:us-east-1:123456789012:ems-events")
    return text


WebUrl = Annotated[str, AfterValidator(_http_url)]
"""Without the slash at its end."""


class Settings(BaseSettings):
    """Everything an EMS process can be told. Instances are immutable and passed to whoever needs them.

    A variable that is empty is as good as one that is not set.
    """

    model_config = SettingsConfigDict(
        env_prefix="EMS_", env_ignore_empty=True, frozen=True, extra="ignore", allow_inf_nan=False
    )

    aws_region: str = Field(
        default="us-east-1",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9-]*$",
        validation_alias=AliasChoices(*REGION_VARIABLES, "aws_region"),
    )
    table_prefix: str = Field(default="", pattern=r"^[A-Za-z0-9_.-]*$")

    # HTTP edge
    bootstrap_api_key: SecretStr | None = None
    public_url: Annotated[str, AfterValidator(_public_url)] = "http://127.0.0.1:8000"
    unsubscribe_secrets: Annotated[tuple[Annotated[SecretStr, Field(min_length=MIN_SECRET)], ...], NoDecode] = ()
    max_recipients: int = Field(default=50_000, ge=1, le=1_000_000)  # the ids of recipients have six digits
    max_body_bytes: int = Field(default=64 * MIB, ge=1024)
    metrics_public: bool = False
    metrics_port: int = Field(default=9540, ge=0, le=65_535)
    metrics_address: str = "127.0.0.1"
    metrics_targets: str | None = None
    retention_days: int = Field(default=90, ge=1)

    # Rate
    max_send_rate: PositiveFloat | Literal["auto"] = "auto"
    rate_headroom: float = Field(default=0.05, ge=0, lt=1)
    account_refresh_seconds: float = Field(default=50.0, ge=2)
    daily_reserve: float = Field(default=0.10, ge=0, lt=1)
    release_seconds: float = Field(default=2.0, gt=0)
    task_rate_limit: Annotated[str, AfterValidator(_task_rate)] = "1000/s"

    # Breaker
    breaker_bounce_rate: float = Field(default=0.05, gt=0, le=1)
    breaker_complaint_rate: float = Field(default=0.001, gt=0, le=1)
    canary: int = Field(default=100, ge=0)
    canary_seconds: float = Field(default=60.0, gt=0)

    # SES
    configuration_set: str = Field(default="ems", pattern=r"^[A-Za-z0-9_-]{1,64}$")
    ses_call_size: int | None = Field(default=None, ge=1, le=50)
    ses_bulk_calls_per_second: float | None = Field(default=None, gt=0)
    ses_list_sync: bool = True
    ses_connect_timeout_seconds: float = Field(default=3.0, gt=0)
    ses_read_timeout_seconds: float = Field(default=20.0, gt=0)

    # Doubts
    in_doubt_seconds: float = Field(default=120.0, gt=0)
    in_doubt_policy: Literal["by_kind", "hold", "resend"] = "by_kind"

    # Queues and workers
    visibility_timeout_seconds: int = Field(default=120, ge=10, le=43_200)
    chunk_slice_seconds: float = Field(default=30.0, gt=0)
    task_events: bool = True

    # SNS webhook
    sns_topic: str = Field(default="ems-events", pattern=r"^[A-Za-z0-9_-]{1,256}$")
    sns_topic_arns: Annotated[tuple[Annotated[str, AfterValidator(_topic_arn)], ...], NoDecode] = ()
    sns_cert_url: WebUrl | None = None
    sns_min_signature_version: int = Field(default=1, ge=1, le=2)

    # Telling the backend of events
    event_feed: bool = False
    event_feed_days: float = Field(default=7.0, gt=0)
    webhook_allow_private: bool = False
    webhook_timeout_seconds: float = Field(default=15.0, gt=0, le=60)
    webhook_retry_days: float = Field(default=3.0, gt=0)

    # Logs
    log_format: Literal["json", "console"] = "json"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @field_validator("sns_topic_arns", "unsubscribe_secrets", mode="before")
    @classmethod
    def _split_commas(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("in_doubt_seconds")
    @classmethod
    def _outlasts_a_call(cls, value: float, info: ValidationInfo) -> float:
        call = info.data.get("ses_connect_timeout_seconds", 0.0) + info.data.get("ses_read_timeout_seconds", 0.0)
        if value <= call:
            raise ValueError(f"must be longer than the longest SES call, {call:g} seconds by its two timeouts")
        return value

    @field_validator("webhook_retry_days")
    @classmethod
    def _ends_before_the_feed(cls, value: float, info: ValidationInfo) -> float:
        kept = info.data.get("event_feed_days", value + 1)
        if value >= kept:
            raise ValueError(f"must be less than EMS_EVENT_FEED_DAYS, {kept:g}: the feed would forget what is retried")
        return value

    @classmethod
    def from_environment(cls) -> Self:
        """Read the process environment.

        Raises:
            SettingsError: Variables hold values that their settings do not allow; the message names each.
        """
        problems = _wrong_endpoints(os.environ)
        try:
            settings = cls()
        except ValidationError as error:
            raise SettingsError("\n".join([*_explained(error), *problems])) from None
        if problems:
            raise SettingsError("\n".join(problems))
        return settings

    @classmethod
    def or_exit(cls) -> Self:
        """Read the process environment; what makes no sense ends the process with a line for each variable.

        For modules that a server imports to start: it would print a traceback for any other exception.
        """
        try:
            return cls.from_environment()
        except SettingsError as error:
            sys.exit(str(error))


def _explained(error: ValidationError) -> list[str]:
    """Say in one line a variable what is wrong with it; a value may have missed several alternatives."""
    reasons: dict[str, list[str]] = {}
    for problem in error.errors():
        field = str(problem["loc"][0])
        shown = "…" if field in _SECRETS else repr(problem["input"])
        reasons.setdefault(f"{_variable(field)}={shown}", []).append(problem["msg"].removeprefix("Value error, "))
    return [f"{what}: {'; or: '.join(why)}; docs/operations.md describes it" for what, why in reasons.items()]


def _variable(field: str) -> str:
    """Name the variable that sets *field*, or did; pydantic names the first of an alias whichever was set."""
    if field in REGION_VARIABLES:
        return next((variable for variable in REGION_VARIABLES if os.environ.get(variable)), field)
    return f"EMS_{field.upper()}"


def _wrong_endpoints(environment: Mapping[str, str]) -> list[str]:
    """Find the addresses of AWS services that botocore would refuse without naming the variable."""
    return [
        f"{variable}={value!r}: name an http:// or https:// URL such as http://127.0.0.1:4566, or leave it out for AWS"
        for variable, value in environment.items()
        if variable.startswith("AWS_ENDPOINT_URL") and value and not _is_endpoint(value)
    ]


def _is_endpoint(url: str) -> bool:
    """Judge as ``botocore.endpoint.EndpointCreator`` does, which says less about it."""
    # Here, since it takes long and few environments hold an endpoint.
    from botocore.utils import is_valid_endpoint_url, is_valid_ipv6_endpoint_url  # noqa: PLC0415

    try:
        known = is_valid_endpoint_url(url) or is_valid_ipv6_endpoint_url(url)
    except ValueError:  # a bracket without its other half
        return False
    return url.startswith(("http://", "https://")) and known
