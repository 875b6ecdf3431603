"""Typed settings, read once at start.

Two sources: the standard AWS environment (region, credentials chain, ``AWS_ENDPOINT_URL*``), which boto3 and
PynamoDB read themselves, and the ``EMS_*`` variables below. docs/operations.md describes each for operators; a test
keeps that page complete.
"""

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import AliasChoices, Field, PositiveFloat, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from ems.errors import EmsError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

MIB = 1024 * 1024


class SettingsError(EmsError):
    """The environment does not make sense; each line names a variable and what is wrong with it."""


class Settings(BaseSettings):
    """Everything an EMS process can be told. Instances are immutable and passed to whoever needs them."""

    model_config = SettingsConfigDict(env_prefix="EMS_", frozen=True, extra="ignore")

    aws_region: str = Field(
        default="us-east-1", validation_alias=AliasChoices("AWS_REGION", "AWS_DEFAULT_REGION", "aws_region")
    )
    table_prefix: str = Field(default="", pattern=r"^[A-Za-z0-9_.-]*$")

    # HTTP edge
    bootstrap_api_key: SecretStr | None = None
    public_url: str = "http://127.0.0.1:8000"
    max_recipients: int = Field(default=50_000, ge=1)
    max_body_bytes: int = Field(default=64 * MIB, ge=1024)
    metrics_public: bool = False
    retention_days: int = Field(default=90, ge=1)

    # Rate
    max_send_rate: PositiveFloat | Literal["auto"] = "auto"
    rate_headroom: float = Field(default=0.05, ge=0, lt=1)
    account_refresh_seconds: float = Field(default=50.0, ge=2)
    daily_reserve: float = Field(default=0.10, ge=0, lt=1)
    release_seconds: float = Field(default=2.0, gt=0)
    task_rate_limit: str = "1000/s"

    # SES
    configuration_set: str = Field(default="ems", pattern=r"^[A-Za-z0-9_-]{1,64}$")
    ses_call_size: int | None = Field(default=None, ge=1, le=50)
    ses_bulk_calls_per_second: float | None = Field(default=None, gt=0)
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
    sns_topic_arns: Annotated[tuple[str, ...], NoDecode] = ()
    sns_cert_url: str | None = None
    sns_min_signature_version: int = Field(default=1, ge=1, le=2)

    # Logs
    log_format: Literal["json", "console"] = "json"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @field_validator("sns_topic_arns", mode="before")
    @classmethod
    def _split_commas(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("ses_call_size", "ses_bulk_calls_per_second", "bootstrap_api_key", "sns_cert_url", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("in_doubt_seconds")
    @classmethod
    def _outlasts_a_call(cls, value: float, info: ValidationInfo) -> float:
        call = info.data.get("ses_connect_timeout_seconds", 0.0) + info.data.get("ses_read_timeout_seconds", 0.0)
        if value <= call:
            raise ValueError(f"must be longer than the longest SES call, {call:g} seconds by its two timeouts")
        return value

    @classmethod
    def from_environment(cls) -> Self:
        """Read the process environment.

        Raises:
            SettingsError: Variables hold values that their settings do not allow; the message names each.
        """
        try:
            return cls()
        except ValidationError as error:
            raise SettingsError("\n".join(_explained(problem) for problem in error.errors())) from None


def _explained(problem: "ErrorDetails") -> str:
    field = str(problem["loc"][0])
    variable = field if field.isupper() else f"EMS_{field.upper()}"
    return f"{variable}={problem['input']!r}: {problem['msg']}; docs/operations.md describes it"
