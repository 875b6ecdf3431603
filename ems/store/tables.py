"""Binding the models to an account: table names, region and timeouts from the settings, at start."""

from dataclasses import dataclass
from threading import Lock
from typing import Any, TypeVar, cast

from botocore.config import Config
from pynamodb.connection import Connection
from pynamodb.constants import NONE
from pynamodb.models import Model

from ems.settings import USER_AGENT, Settings
from ems.store import models

BoundModel = TypeVar("BoundModel", bound=Model)


class SharedConnection(Connection):
    """One DynamoDB client for all tables and threads of a process.

    PynamoDB makes a connection for each model, and a client for each thread that comes first at the same moment: with
    ten tables and 24 threads half a gigabyte of service descriptions, and seconds to load them.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(
            region=settings.aws_region,
            # Three attempts of two seconds: a caller hears of an outage within seven.
            connect_timeout_seconds=2,
            read_timeout_seconds=2,
            max_retry_attempts=2,
            max_pool_connections=64,
        )
        self._making = Lock()

    @property
    def session(self) -> Any:
        """Return the botocore session that makes the client."""
        session = super().session
        session.set_default_client_config(Config(user_agent=USER_AGENT))
        return session

    def get_consumed_capacity_map(self, return_consumed_capacity: str) -> dict[str, str]:
        """Ask in no call what it consumed, as PynamoDB would in all: nobody looks at it."""
        del return_consumed_capacity
        return super().get_consumed_capacity_map(NONE)

    def connect(self) -> None:
        """Make the client now, which takes a moment, instead of at the first call."""
        _ = self.client

    @property
    def client(self) -> Any:
        """Return the botocore client, made by whoever comes first."""
        with self._making:
            return super().client


@dataclass(frozen=True, slots=True)
class Tables:
    """The ten tables, bound. Pass this around instead of importing the models."""

    campaigns: type[models.CampaignRow]
    emails: type[models.TrackerRow]
    batches: type[models.BatchRow]
    suppressions: type[models.SuppressionRow]
    rate: type[models.RateRow]
    api_keys: type[models.ApiKeyRow]
    notes: type[models.NoteRow]
    stats: type[models.StatsRow]
    feed: type[models.FeedRow]
    webhooks: type[models.WebhookRow]
    connection: SharedConnection

    def all(self) -> tuple[type[Model], ...]:
        """Return every table, for provisioning and health checks."""
        sending = (self.campaigns, self.emails, self.batches, self.suppressions)
        return (*sending, self.rate, self.api_keys, self.notes, self.stats, self.feed, self.webhooks)


def bind(settings: Settings) -> Tables:
    """Derive one bound class per table.

    The endpoint is left to botocore (``AWS_ENDPOINT_URL_DYNAMODB``, ``AWS_ENDPOINT_URL``); so are the credentials.
    """
    connection = SharedConnection(settings)

    def bound(model: type[BoundModel], table: str) -> type[BoundModel]:
        meta = type(
            "Meta",
            (),
            {
                "table_name": f"{settings.table_prefix}{table}",
                "region": settings.aws_region,
                "billing_mode": "PAY_PER_REQUEST",
            },
        )
        made: Any = type(model.__name__, (model,), {"Meta": meta, "__module__": model.__module__})
        own = made._get_connection()  # noqa: SLF001 - PynamoDB has no public way to share a connection
        connection.add_meta_table(own.get_meta_table())
        own.connection = connection
        return cast("type[BoundModel]", made)

    return Tables(
        campaigns=bound(models.CampaignRow, "email-campaign"),
        emails=bound(models.TrackerRow, "email-event-tracker"),
        batches=bound(models.BatchRow, "email-batch"),
        suppressions=bound(models.SuppressionRow, "email-suppression"),
        rate=bound(models.RateRow, "email-rate"),
        api_keys=bound(models.ApiKeyRow, "email-api-key"),
        notes=bound(models.NoteRow, "email-note"),
        stats=bound(models.StatsRow, "email-stats"),
        feed=bound(models.FeedRow, "email-feed"),
        webhooks=bound(models.WebhookRow, "email-webhook"),
        connection=connection,
    )
