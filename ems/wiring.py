"""Putting EMS together from its settings, once a process: the web app, the workers and the command line ask here."""

import time
from collections.abc import Callable
from threading import RLock
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from ems import messages, queues
from ems.aws import clients
from ems.aws.account import AccountSample, read_account
from ems.aws.certificates import CertificateStore
from ems.aws.clock import SkewMeter
from ems.aws.ses import SesSender
from ems.aws.sns import SnsApi, SnsVerifier
from ems.aws.sqs import OutgoingMessage, Sqs
from ems.aws.templates import SesTemplates
from ems.governor.governor import Governor
from ems.governor.policy import Policy
from ems.governor.reporter import Reporter
from ems.messages import TaskMessage
from ems.sending.accept import Acceptance
from ems.sending.audit import Auditor
from ems.sending.batches import Batches
from ems.sending.campaigns import Campaigns
from ems.sending.deliver_chunk import ChunkDelivery, Timing
from ems.sending.deliver_email import EmailDelivery
from ems.sending.emails import Emails
from ems.sending.rate_report import RateReport
from ems.sending.release import Drainer
from ems.settings import Settings
from ems.store import rate
from ems.store.api_keys import ApiKeys
from ems.store.batches import BatchStore
from ems.store.campaigns import CampaignStore
from ems.store.drain import DrainStore
from ems.store.email_pages import EmailPages
from ems.store.ledger import Ledger
from ems.store.senders import SenderReports
from ems.store.singles import Singles
from ems.store.suppressions import Suppressions
from ems.store.tables import Tables, bind
from ems.store.tracking import TrackingStore
from ems.tracking.apply import Tracker
from ems.tracking.intake import Intake

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

DAY_SECONDS = 86_400

Part = TypeVar("Part")


class part(Generic[Part]):  # noqa: N801 - used as a decorator
    """A property that is made once, whichever thread asks first: there must not be two governors in a process."""

    def __init__(self, make: Callable[["Services"], Part]) -> None:
        self._make = make
        self.__doc__ = make.__doc__

    def __set_name__(self, _owner: type, name: str) -> None:
        self._name = name

    def __get__(self, services: "Services", _owner: type) -> Part:
        with services.making:
            if self._name not in services.made:
                services.made[self._name] = self._make(services)
            return cast("Part", services.made[self._name])


class Services:
    """Everything a process may need, made when it is first asked for and then kept.

    Making a part opens no connection; the first call on it does.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.making = RLock()
        self.made: dict[str, object] = {}
        self._retention = settings.retention_days * DAY_SECONDS

    @part
    def tables(self) -> Tables:
        """The tables."""
        return bind(self.settings)

    @part
    def sqs(self) -> Sqs:
        """The queues."""
        return Sqs(clients.sqs(self.settings))

    @part
    def ses_client(self) -> "SESV2Client":
        """SES."""
        return clients.ses(self.settings)

    @part
    def clock_check(self) -> SkewMeter:
        """Measures this process's clock by the ``Date`` of DynamoDB's answers, which is written anew into each."""
        return SkewMeter(staleness=0.25)

    @part
    def governor(self) -> Governor:
        """The cluster-wide rate."""
        client = rate.connect(self.settings)
        self.clock_check.attach(client)
        store = rate.DynamoRateStore(client, self.tables.rate.Meta.table_name)
        return Governor(store, self._account, Policy.from_settings(self.settings), clock_check=self.clock_check)

    @part
    def sender_reports(self) -> SenderReports:
        """What the senders report."""
        return SenderReports(self.tables)

    @part
    def reporter(self) -> Reporter:
        """Reports on this process, if it is a sender; its answers measure the clock while nothing is sent."""
        self.clock_check.attach(self.tables.connection.client)
        return Reporter(
            self.sender_reports.write,
            self.governor.watch,
            clock_check=self.clock_check,
            max_skew=Policy.from_settings(self.settings).max_skew,
        )

    @part
    def campaigns(self) -> Campaigns:
        """Campaigns and their templates."""
        return Campaigns(CampaignStore(self.tables), SesTemplates(self.ses_client))

    @part
    def batch_store(self) -> BatchStore:
        """Batches, chunks, parked chunks."""
        return BatchStore(self.tables, retention_seconds=self._retention)

    @part
    def batches(self) -> Batches:
        """Batches as callers see them."""
        return Batches(self.batch_store, rate=self.governor.status)

    @part
    def singles(self) -> Singles:
        """Rows of single mails."""
        return Singles(self.tables, retention_seconds=self._retention)

    @part
    def emails(self) -> Emails:
        """Mails as callers see them."""
        return Emails(EmailPages(self.tables), pending_status=self.batches.pending_status)

    @part
    def api_keys(self) -> ApiKeys:
        """API keys."""
        bootstrap = self.settings.bootstrap_api_key
        return ApiKeys(self.tables, bootstrap=bootstrap.get_secret_value() if bootstrap else None)

    @part
    def acceptance(self) -> Acceptance:
        """Accepts requests."""
        return Acceptance(
            campaigns=self.campaigns,
            singles=self.singles,
            batches=self.batch_store,
            queue=self.sqs,
            max_recipients=self.settings.max_recipients,
            max_ahead_seconds=self._retention / 2,
        )

    @part
    def suppressions(self) -> Suppressions:
        """Who gets no mail."""
        return Suppressions(self.tables)

    @part
    def mailer(self) -> SesSender:
        """Sends."""
        return SesSender(self.ses_client)

    @part
    def email_delivery(self) -> EmailDelivery:
        """Delivers single mails."""
        return EmailDelivery(
            singles=self.singles,
            suppressions=self.suppressions,
            governor=self.governor,
            mailer=self.mailer,
            configuration_set=self.settings.configuration_set,
            call_seconds=self._call_seconds,
        )

    @part
    def chunk_delivery(self) -> ChunkDelivery:
        """Delivers chunks."""
        return ChunkDelivery(
            ledger=Ledger(self.tables, retention_seconds=self._retention),
            batches=self.batch_store,
            suppressions=self.suppressions,
            governor=self.governor,
            mailer=self.mailer,
            configuration_set=self.settings.configuration_set,
            timing=self._timing,
        )

    @part
    def drain_store(self) -> DrainStore:
        """The drainer's lease."""
        return DrainStore(self.tables)

    @part
    def drainer(self) -> Drainer:
        """Releases chunks."""
        return Drainer(
            sqs=self.sqs,
            batches=self.batch_store,
            campaigns=CampaignStore(self.tables),
            drain=self.drain_store,
            rate=self.governor.status,
            release_seconds=self.settings.release_seconds,
        )

    @part
    def auditor(self) -> Auditor:
        """Recounts."""
        return Auditor(self.tables, self.batches)

    @part
    def rate_report(self) -> RateReport:
        """Answers GET /rate."""
        return RateReport(
            line=self.governor.status,
            minute=self.governor.minute,
            senders=self.sender_reports,
            sqs=self.sqs,
            drain=self.drain_store,
        )

    @part
    def tracker(self) -> Tracker:
        """Applies SES events."""
        return Tracker(
            store=TrackingStore(self.tables, retention_seconds=self._retention, clock=time.time),
            suppressions=self.suppressions,
        )

    @part
    def intake(self) -> Intake:
        """Takes SNS posts."""
        verifier = SnsVerifier(
            topic_arns=self.settings.sns_topic_arns,
            certificates=CertificateStore(),
            extra_cert_url=self.settings.sns_cert_url,
            min_signature_version=self.settings.sns_min_signature_version,
        )
        return Intake(verifier=verifier, confirm=SnsApi(clients.sns(self.settings)).confirm, publish=self.publish_event)

    def publish_event(self, sns_message_id: str, message: str) -> None:
        """Put one SES event into ``email-events``.

        Raises:
            UnavailableError: SQS does not take it.
        """
        task = TaskMessage(messages.TRACK_EVENT, {"message": message}, label=sns_message_id)
        self.sqs.send(queues.EVENTS, [OutgoingMessage(task.body())])

    def check_sqs(self) -> None:
        """Raise UnavailableError when SQS cannot be reached."""
        self.sqs.depth(queues.TRIGGER)

    def check_dynamodb(self) -> None:
        """Raise UnavailableError when DynamoDB cannot be reached."""
        self.drain_store.read()

    def check_ses(self) -> None:
        """Raise UnavailableError when SES cannot be reached."""
        self._account()

    def _account(self) -> AccountSample:
        return read_account(self.ses_client)

    @property
    def _timing(self) -> Timing:
        """A slice ends well before its message becomes visible again, and a call before the chunk's lease."""
        visibility = self.settings.visibility_timeout_seconds
        slice_seconds = min(self.settings.chunk_slice_seconds, visibility / 4)
        return Timing(
            slice_seconds=slice_seconds,
            lease_seconds=max(visibility, slice_seconds + self._call_seconds + 5),
            call_seconds=self._call_seconds,
        )

    @property
    def _call_seconds(self) -> float:
        return self.settings.ses_connect_timeout_seconds + self.settings.ses_read_timeout_seconds
