"""What reaches the outside: the tables and their stores, the queues, SES."""

from typing import TYPE_CHECKING

from ems import queues
from ems.aws import clients
from ems.aws.account import AccountSample, read_account
from ems.aws.ses import SesSender
from ems.aws.sqs import Sqs
from ems.aws.suppressed import SesSuppressions
from ems.aws.templates import SesTemplates
from ems.links import UnsubscribeLinks
from ems.store.api_keys import ApiKeys
from ems.store.batches import BatchStore
from ems.store.breakers import AccountBreakers
from ems.store.campaigns import CampaignStore
from ems.store.drain import DrainStore
from ems.store.email_pages import EmailPages
from ems.store.endpoints import EndpointStore
from ems.store.erasures import Erasures
from ems.store.failed_runs import FailedRuns
from ems.store.feed import Feed
from ems.store.feed_reader import FeedReader
from ems.store.ledger import Ledger
from ems.store.out_of_step import OutOfStepNotes
from ems.store.parking import Parking
from ems.store.removals import Removals
from ems.store.senders import SenderReports
from ems.store.singles import Singles
from ems.store.stats import StatsStore
from ems.store.suppressions import Suppressions
from ems.store.tables import Tables, bind
from ems.wiring.metrics import Metered
from ems.wiring.parts import part

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

DAY_SECONDS = 86_400


class Outside(Metered):
    """The layers ``store`` and ``aws``."""

    @property
    def retention_seconds(self) -> float:
        """How long rows live."""
        return self.settings.retention_days * DAY_SECONDS

    @part
    def unsubscribe_links(self) -> UnsubscribeLinks:
        """Links by which recipients of bulk mail unsubscribe."""
        return UnsubscribeLinks.of(self.settings)

    @part
    def tables(self) -> Tables:
        """The tables."""
        return bind(self.settings)

    @part
    def api_keys(self) -> ApiKeys:
        """API keys."""
        bootstrap = self.settings.bootstrap_api_key
        return ApiKeys(self.tables, bootstrap=bootstrap.get_secret_value() if bootstrap else None)

    @part
    def campaign_store(self) -> CampaignStore:
        """Rows of campaigns."""
        return CampaignStore(self.tables)

    @part
    def account_breaker(self) -> AccountBreakers:
        """The account's breaker, and which campaigns the breaker has paused."""
        return AccountBreakers(self.tables)

    @part
    def batch_store(self) -> BatchStore:
        """Batches and how their chunks stand."""
        return BatchStore(self.tables, retention_seconds=self.retention_seconds)

    @part
    def parking(self) -> Parking:
        """What waits outside the queue."""
        return Parking(self.tables, retention_seconds=self.retention_seconds)

    @part
    def ledger(self) -> Ledger:
        """What became of chunks."""
        return Ledger(self.tables, retention_seconds=self.retention_seconds)

    @part
    def singles(self) -> Singles:
        """Rows of single mails."""
        return Singles(self.tables, retention_seconds=self.retention_seconds)

    @part
    def email_pages(self) -> EmailPages:
        """Lists of mails."""
        return EmailPages(self.tables)

    @part
    def suppressions(self) -> Suppressions:
        """Who gets no mail."""
        return Suppressions(self.tables, out_of_step=self.out_of_step)

    @part
    def removals(self) -> Removals:
        """Takes addresses off that list."""
        return Removals(self.tables, retention_seconds=self.retention_seconds, out_of_step=self.out_of_step)

    @part
    def erasures(self) -> Erasures:
        """How far erasures are."""
        return Erasures(self.tables, retention_seconds=self.retention_seconds)

    @part
    def out_of_step_notes(self) -> OutOfStepNotes:
        """What SES's own list is to be told."""
        return OutOfStepNotes(self.tables, retention_seconds=self.retention_seconds)

    @property
    def out_of_step(self) -> OutOfStepNotes | None:
        """The same where it is to be told anything."""
        return self.out_of_step_notes if self.settings.ses_list_sync else None

    @part
    def stats_store(self) -> StatsStore:
        """Counters."""
        return StatsStore(self.tables)

    @part
    def failed_runs(self) -> FailedRuns:
        """Why tasks failed."""
        return FailedRuns(self.tables)

    @part
    def feed(self) -> Feed:
        """Adds to the feed of events."""
        keep_seconds = self.settings.event_feed_days * DAY_SECONDS
        return Feed(self.tables, always=self.settings.event_feed, keep_seconds=keep_seconds)

    @part
    def feed_reader(self) -> FeedReader:
        """Reads the feed of events."""
        return FeedReader(self.tables)

    @part
    def endpoint_store(self) -> EndpointStore:
        """Rows of the backend's endpoints."""
        return EndpointStore(self.tables)

    @part
    def drain_store(self) -> DrainStore:
        """The drainer's lease."""
        return DrainStore(self.tables)

    @part
    def sender_reports(self) -> SenderReports:
        """What the senders report."""
        return SenderReports(self.tables)

    @part
    def sqs(self) -> Sqs:
        """The queues."""
        return Sqs(clients.sqs(self.settings))

    @part
    def ses_client(self) -> "SESV2Client":
        """SES."""
        return clients.ses(self.settings)

    @part
    def ses_templates(self) -> SesTemplates:
        """Templates at SES."""
        return SesTemplates(self.ses_client)

    @part
    def ses_suppressions(self) -> SesSuppressions:
        """SES's own list of who gets no mail."""
        return SesSuppressions(self.ses_client)

    @part
    def mailer(self) -> SesSender:
        """Sends."""
        return SesSender(self.ses_client)

    def account(self) -> AccountSample:
        """Ask SES for the account's limits; raises UnavailableError when SES does not answer."""
        return read_account(self.ses_client)

    def check_sqs(self) -> None:
        """Raise UnavailableError when SQS cannot be reached."""
        self.sqs.depth(queues.TRIGGER)

    def check_dynamodb(self) -> None:
        """Raise UnavailableError when DynamoDB cannot be reached."""
        self.drain_store.read()
        self.stats_store.check()  # the youngest table: missing when an upgrade went without `ems provision`

    def check_ses(self) -> None:
        """Raise UnavailableError when SES cannot be reached."""
        self.account()
