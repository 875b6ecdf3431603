"""Preparing the account that the standard AWS variables point at, embedded or real; a second run changes nothing."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.exceptions import PynamoDBException

from ems import queues
from ems.aws import clients
from ems.local import blueprint
from ems.settings import Settings
from ems.store.tables import Tables, bind

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient

WEBHOOK_PATH = "/webhooks/ses"
DESTINATION = "ems-events"
TABLE_WAIT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was seen to: what, and what went wrong if anything did."""

    what: str
    error: str | None = None


class Provisioner:
    """Creates what :mod:`ems.local.blueprint` describes."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._tables: Tables = bind(settings)
        self._sqs: SQSClient = clients.sqs(settings)
        self._sns: SNSClient = clients.sns(settings)
        self._ses: SESV2Client = clients.ses_setup(settings)
        self.topic_arn: str | None = None

    def run(self, *, webhook: bool, queue: bool = False) -> Iterator[Step]:
        """Yield the steps as they are done; one that fails does not stop the others.

        *webhook* also subscribes ``EMS_PUBLIC_URL/webhooks/ses``; it must be reachable to confirm. *queue* subscribes
        the queue of events itself; both at once do no harm.
        """
        for table in self._tables.all():
            yield self._step(f"table {table.Meta.table_name}", lambda table=table: self._table(table))  # type: ignore[misc]
        for spec in blueprint.queue_specs(self._settings):
            yield self._step(f"queue {spec.name}", lambda spec=spec: self._queue(spec))  # type: ignore[misc]
        yield self._step(f"topic {self._settings.sns_topic}", self._topic)
        yield self._step(f"configuration set {self._settings.configuration_set}", self._configuration_set)
        yield self._step("SES events to the topic", self._event_destination)
        if webhook:
            yield self._step(f"subscription of {self.webhook_url}", self.subscribe)
        if queue:
            yield self._step(f"subscription of the queue {queues.EVENTS}", self.subscribe_queue)

    @property
    def webhook_url(self) -> str:
        """Where SNS posts events."""
        return self._settings.public_url + WEBHOOK_PATH

    def subscribe(self) -> None:
        """Subscribe the webhook; for one that is not confirmed yet SNS sends the confirmation again."""
        endpoint = self.webhook_url
        self._sns.subscribe(TopicArn=self._known_topic(), Protocol=endpoint.partition("://")[0], Endpoint=endpoint)

    def subscribe_queue(self) -> None:
        """Have SNS put SES's events into the queue, as SES wrote them: nobody but the topic may, so none is signed."""
        self._sns.subscribe(
            TopicArn=self._known_topic(),
            Protocol="sqs",
            Endpoint=self._queue_arn(queues.EVENTS),
            Attributes=blueprint.QUEUE_SUBSCRIPTION,
        )

    def _step(self, what: str, action: Callable[[], None]) -> Step:
        try:
            action()
        except (ClientError, BotoCoreError, PynamoDBException, ProvisionError) as error:
            return Step(what, f"{type(error).__name__}: {error}")
        return Step(what)

    def _table(self, table: type) -> None:
        if not table.exists():  # type: ignore[attr-defined]
            table.create_table(wait=False)  # type: ignore[attr-defined]
        deadline = time.monotonic() + TABLE_WAIT_SECONDS
        while table.describe_table().get("TableStatus") != "ACTIVE":  # type: ignore[attr-defined]
            if time.monotonic() > deadline:
                raise ProvisionError("the table does not become active")
            time.sleep(0.5)
        table.update_ttl(ignore_update_ttl_errors=True)  # type: ignore[attr-defined]

    def _queue(self, spec: blueprint.QueueSpec) -> None:
        attributes = dict(spec.attributes)
        if spec.dead_letter:
            attributes["RedrivePolicy"] = blueprint.redrive_policy(self._queue_arn(spec.dead_letter))
        try:
            url = self._sqs.get_queue_url(QueueName=spec.name)["QueueUrl"]
        except self._sqs.exceptions.QueueDoesNotExist:
            self._sqs.create_queue(QueueName=spec.name, Attributes=attributes)  # type: ignore[arg-type]
        else:
            self._sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)  # type: ignore[arg-type]

    def _topic(self) -> None:
        arn = self._known_topic()
        self._sns.set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=blueprint.topic_policy(arn))
        # Version 2 signs with SHA-256; a topic's default is version 1, SHA-1.
        self._sns.set_topic_attributes(TopicArn=arn, AttributeName="SignatureVersion", AttributeValue="2")
        url = self._sqs.get_queue_url(QueueName=queues.EVENTS)["QueueUrl"]
        policy = blueprint.events_queue_policy(self._queue_arn(queues.EVENTS), arn)
        self._sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})

    def _configuration_set(self) -> None:
        try:
            self._ses.create_configuration_set(ConfigurationSetName=self._settings.configuration_set)
        except self._ses.exceptions.AlreadyExistsException:
            return

    def _event_destination(self) -> None:
        name = self._settings.configuration_set
        destination = {
            "Enabled": True,
            "MatchingEventTypes": list(blueprint.EVENT_TYPES),
            "SnsDestination": {"TopicArn": self._known_topic()},
        }
        try:
            self._ses.create_configuration_set_event_destination(
                ConfigurationSetName=name,
                EventDestinationName=DESTINATION,
                EventDestination=destination,  # type: ignore[arg-type]
            )
        except self._ses.exceptions.AlreadyExistsException:
            self._ses.update_configuration_set_event_destination(
                ConfigurationSetName=name,
                EventDestinationName=DESTINATION,
                EventDestination=destination,  # type: ignore[arg-type]
            )

    def _known_topic(self) -> str:
        if self.topic_arn is None:
            # CreateTopic returns the topic that is there already.
            self.topic_arn = self._sns.create_topic(Name=self._settings.sns_topic)["TopicArn"]
        return self.topic_arn

    def _queue_arn(self, name: str) -> str:
        url = self._sqs.get_queue_url(QueueName=name)["QueueUrl"]
        return self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


class ProvisionError(Exception):
    """Something that was asked for does not come to be."""
