"""What the HTTP edge needs from the rest of EMS, as small interfaces; the wiring fills them in."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, Self

from prometheus_client import CollectorRegistry

from ems.history.statistics import SeriesPoint, StatsView
from ems.links import UnsubscribeLink
from ems.sending.breaker_view import BreakerView
from ems.sending.campaigns import CampaignDraft, WantedState
from ems.sending.emails import EmailView
from ems.sending.requests import AcceptedBatch, AcceptedEmail, BatchView, BulkRequest, Caller, SingleRequest
from ems.sending.resolve import DoubtView, Order, Resolution
from ems.sending.retry import Retry
from ems.sending.templates import TemplateParts
from ems.store.api_keys import Identity
from ems.store.campaigns import Campaign
from ems.store.counters import Step
from ems.store.erasures import Erasure
from ems.store.pages import Page
from ems.store.reasons import Reason, Scope
from ems.store.status import Status
from ems.store.suppressions import Suppression
from ems.tracking.unsubscribing import Road
from ems.web.breaker_metrics import BreakerMetrics
from ems.web.event_services import Endpoints, Events
from ems.web.queue_metrics import QueueDepths
from ems.web.rate_metrics import RateMetrics

if TYPE_CHECKING:
    from ems.wiring import Services as WiredServices


class Acceptance(Protocol):
    """Makes requests durable."""

    def single(self, request: SingleRequest, caller: Caller) -> AcceptedEmail:
        """Accept one mail."""

    def bulk(self, request: BulkRequest, caller: Caller) -> AcceptedBatch:
        """Accept many mails."""


class Batches(Protocol):
    """Reads and steers batches. Each call answers with the batch as it is afterwards."""

    def get(self, batch_id: str) -> BatchView:
        """Read a batch."""

    def pause(self, batch_id: str) -> BatchView:
        """Hold what is not sent yet."""

    def resume(self, batch_id: str) -> BatchView:
        """Go on with a paused batch."""

    def cancel(self, batch_id: str) -> BatchView:
        """Never send what is not sent yet."""


class Campaigns(Protocol):
    """Keeps campaigns."""

    def create(self, draft: CampaignDraft, *, campaign_id: str | None = None) -> Campaign:
        """Create a campaign."""

    def get(self, campaign_id: str) -> Campaign:
        """Read a campaign."""

    def template(self, campaign: Campaign) -> TemplateParts:
        """Return a campaign's template."""

    def page(self, *, limit: int, cursor: str | None = None) -> Page[Campaign]:
        """List campaigns."""

    def update(
        self, campaign_id: str, draft: CampaignDraft, *, state: WantedState | None = None, reason: str | None = None
    ) -> Campaign:
        """Replace a campaign, and pause it or make it active if a state is given."""

    def pause(self, campaign_id: str, *, reason: str | None = None) -> Campaign:
        """Pause a campaign."""

    def resume(self, campaign_id: str, *, by: str) -> Campaign:
        """Let a campaign go on."""

    def delete(self, campaign_id: str) -> None:
        """Delete a campaign."""


class BreakerDesk(Protocol):
    """Shows the breaker."""

    def get(self) -> BreakerView:
        """Read it."""

    def resume(self, *, by: str) -> BreakerView:
        """Let all bulk mail go on."""

    def tripped(self) -> tuple[str | None, list[str]]:
        """Return why all bulk mail is paused, and the campaigns that the breaker has paused."""


class Emails(Protocol):
    """Reads mails."""

    def get(self, email_id: str) -> EmailView:
        """Read one mail."""

    def of_message(self, message_id: str, *, limit: int, cursor: str | None = None) -> Page[EmailView]:
        """List the mails of an SES message."""

    def of_recipient(self, recipient: str, *, limit: int, cursor: str | None = None) -> Page[EmailView]:
        """List the mails to an address."""

    def of_campaign(
        self, campaign_id: str, *, status: Status | None = None, limit: int, cursor: str | None = None
    ) -> Page[EmailView]:
        """List the mails of a campaign."""


class Suppressions(Protocol):
    """Keeps the suppression list."""

    def get(self, address: str) -> Suppression:
        """Read an entry."""

    def page(
        self, *, reason: Reason | None = None, scope: Scope | None = None, limit: int, cursor: str | None = None
    ) -> Page[Suppression]:
        """List entries."""

    def put(self, address: str, *, reason: Reason, scope: Scope | None = None, by: str) -> Suppression:
        """Put an address on the list, or replace its entry."""

    def remove(self, address: str) -> None:
        """Take an address off the list."""


class Erasures(Protocol):
    """Erases persons."""

    def begin(self, address: str) -> Erasure:
        """Erase a person."""

    def get(self, erasure_id: str) -> Erasure:
        """Read how far an erasure is."""


class Exports(Protocol):
    """Reads all mails of a campaign or a batch, a few hundred at a time."""

    def campaign(self, campaign_id: str, *, status: Status | None = None) -> Iterator[list[EmailView]]:
        """Export a campaign."""

    def batch(self, batch_id: str, *, status: Status | None = None) -> Iterator[list[EmailView]]:
        """Export a batch."""


class Statistics(Protocol):
    """Campaigns and batches in numbers."""

    def campaign(self, campaign_id: str) -> StatsView:
        """Return the numbers of a campaign."""

    def batch(self, batch_id: str) -> StatsView:
        """Return the numbers of a batch."""

    def campaign_series(self, campaign_id: str, step: Step, *, start: float, end: float) -> list[SeriesPoint]:
        """Return the numbers of a campaign by time."""

    def batch_series(self, batch_id: str, step: Step, *, start: float, end: float) -> list[SeriesPoint]:
        """Return the numbers of a batch by time."""


class Resolver(Protocol):
    """Decides about mails in doubt."""

    def first_doubts(self, batch_id: str) -> list[DoubtView]:
        """Show the first recipients of a batch that are in doubt."""

    def email(self, email_id: str, order: Order) -> Resolution:
        """Decide about one mail."""

    def batch(self, batch_id: str, order: Order) -> Resolution:
        """Decide about a batch's recipients."""


class Retries(Protocol):
    """Sends again to whom a passing reason kept from their mail."""

    def batch(self, batch_id: str, *, by: str, dry_run: bool = False) -> Retry:
        """Retry a batch's failures, or count them."""


class Keys(Protocol):
    """Knows the API keys."""

    def authenticate(self, token: str) -> Identity | None:
        """Tell whose token this is."""


class IntakeResult(Protocol):
    """What to answer SNS: 200 settles a post, 4xx refuses it for good, 503 asks for it again."""

    @property
    def status_code(self) -> int:
        """The HTTP status."""

    @property
    def reason(self) -> str:
        """Why, in a sentence."""


class Intake(Protocol):
    """Takes SNS posts."""

    def receive(self, body: bytes, headers: Mapping[str, str]) -> IntakeResult:
        """Verify a post and put its event into the queue."""


class Links(Protocol):
    """Reads the links of bulk mails."""

    def read(self, token: str) -> UnsubscribeLink | None:
        """Tell which mail a token names; None if it is none of ours."""


class Unsubscribing(Protocol):
    """Keeps the word of whoever holds such a link."""

    def unsubscribe(self, link: UnsubscribeLink, *, by: Road) -> None:
        """Send no more bulk mail to the link's address."""

    def come_back(self, link: UnsubscribeLink) -> bool:
        """Take an unsubscription back, if there is one."""


class Rate(Protocol):
    """Reports on the governor's line."""

    def status(self) -> object:
        """Return a mapping or object with the fields of :class:`ems.web.rate_answers.RateAnswer`."""


@dataclass(frozen=True, slots=True)
class WebServices:
    """The collaborators of one app.

    ``health`` maps a service's name to a call that raises when the service cannot be reached, ``notices`` a name to a
    call that returns what people should know, if anything. ``registry`` holds what ``/metrics`` serves besides the
    edge's own: collectors that ask for figures when they are scraped.
    """

    acceptance: Acceptance
    batches: Batches
    campaigns: Campaigns
    emails: Emails
    suppressions: Suppressions
    erasures: Erasures
    breaker: BreakerDesk
    exports: Exports
    statistics: Statistics
    resolver: Resolver
    retries: Retries
    keys: Keys
    intake: Intake
    links: Links
    unsubscribing: Unsubscribing
    rate: Rate
    events: Events
    endpoints: Endpoints
    health: Mapping[str, Callable[[], None]]
    notices: Mapping[str, Callable[[], str | None]] = field(default_factory=dict)
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    @classmethod
    def of(cls, services: "WiredServices") -> Self:
        """Take the collaborators from the process's wiring."""
        registry = CollectorRegistry()
        registry.register(QueueDepths(services.sqs))
        registry.register(RateMetrics(services.rate_report.status))
        registry.register(BreakerMetrics(services.breaker_desk.tripped))
        return cls(
            acceptance=services.acceptance,
            batches=services.batches,
            campaigns=services.campaigns,
            emails=services.emails,
            suppressions=services.suppression_list,
            erasures=services.eraser,
            breaker=services.breaker_desk,
            exports=services.exports,
            statistics=services.statistics,
            resolver=services.resolver,
            retries=services.retries,
            keys=services.api_keys,
            intake=services.intake,
            links=services.unsubscribe_links,
            unsubscribing=services.unsubscribing,
            rate=services.rate_report,
            events=services.events,
            endpoints=services.endpoints,
            health={"sqs": services.check_sqs, "dynamodb": services.check_dynamodb, "ses": services.check_ses},
            notices={"breaker": services.breaker_desk.notice},
            registry=registry,
        )
