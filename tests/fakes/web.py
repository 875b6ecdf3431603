"""The HTTP edge on fakes: small stand-ins for what other parts of EMS do."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from fakes.breaker import FakeBreakers
from fakes.notify import FakeEndpoints, FakeEvents
from fakes.sending import LINKS
from fakes.statistics import FakeStatistics
from fakes.suppressions import FakeSuppressionStore
from flask.testing import FlaskClient

from ems.errors import ConflictError, EmsError, RejectedRecipient, UnknownIdError
from ems.links import UnsubscribeLink
from ems.sending.campaigns import Campaigns
from ems.sending.emails import EmailView
from ems.sending.requests import (
    AcceptedBatch,
    AcceptedEmail,
    BatchCounts,
    BatchView,
    BulkRequest,
    Caller,
    SingleRequest,
)
from ems.sending.resolve import DoubtView, Order, Resolution
from ems.sending.retry import Retry
from ems.sending.suppressions import SuppressionList, checked_address
from ems.settings import Settings
from ems.store.api_keys import Identity
from ems.store.campaigns import Campaign
from ems.store.erasures import Erasure
from ems.store.pages import Page
from ems.store.status import Status
from ems.web.app import create_app
from ems.web.services import WebServices


@dataclass
class FakeAcceptance:
    """Takes everything, or fails as told."""

    fails: EmsError | None = None
    singles: list[tuple[SingleRequest, Caller]] = field(default_factory=list)
    bulks: list[tuple[BulkRequest, Caller]] = field(default_factory=list)

    def single(self, request: SingleRequest, caller: Caller) -> AcceptedEmail:
        if self.fails:
            raise self.fails
        self.singles.append((request, caller))
        return AcceptedEmail("em-1", "queued")

    def bulk(self, request: BulkRequest, caller: Caller) -> AcceptedBatch:
        if self.fails:
            raise self.fails
        self.bulks.append((request, caller))
        bad = [
            RejectedRecipient(i, str(r), "no object") for i, r in enumerate(request.recipients) if type(r) is not dict
        ]
        return AcceptedBatch("ba-1", len(request.recipients) - len(bad), bad)


class FakeBatches:
    """One batch, ba-1."""

    def __init__(self) -> None:
        self.batch = BatchView("ba-1", "welcome", "spring", "waiting", 2, BatchCounts(waiting=2), 0.0, None, 1e9, None)

    def get(self, batch_id: str) -> BatchView:
        if batch_id != self.batch.batch_id:
            raise UnknownIdError("batch", batch_id)
        return self.batch

    def pause(self, batch_id: str) -> BatchView:
        self.batch = replace(self.get(batch_id), status="paused")
        return self.batch

    def resume(self, batch_id: str) -> BatchView:
        if self.get(batch_id).status == "cancelled":
            raise ConflictError("the batch is cancelled")
        self.batch = replace(self.batch, status="waiting")
        return self.batch

    def cancel(self, batch_id: str) -> BatchView:
        self.batch = replace(self.get(batch_id), status="cancelled")
        return self.batch


class FakeCampaignStore:
    """Campaigns in a dict."""

    def __init__(self) -> None:
        self.rows: dict[str, Campaign] = {}

    def read(self, campaign_id: str) -> Campaign | None:
        return self.rows.get(campaign_id)

    def page(self, *, limit: int, cursor: str | None) -> Page[Campaign]:
        assert cursor is None
        rows = list(self.rows.values())
        return Page(rows[:limit], None)

    def insert(self, campaign: Campaign) -> bool:
        return self.rows.setdefault(campaign.campaign_id, campaign) is campaign

    def replace(self, campaign: Campaign, *, seen: Campaign) -> bool:
        if self.rows.get(campaign.campaign_id) != seen:
            return False
        self.rows[campaign.campaign_id] = campaign
        return True

    def delete(self, campaign_id: str) -> bool:
        return self.rows.pop(campaign_id, None) is not None


class FakeTemplates:
    """SES templates in a dict."""

    def __init__(self) -> None:
        self.created: dict[str, tuple[str, str | None, str | None]] = {}
        self.fails: EmsError | None = None

    def create(self, name: str, *, subject: str, html: str | None, text: str | None) -> None:
        if self.fails:
            raise self.fails
        self.created[name] = (subject, html, text)

    def read(self, name: str) -> tuple[str | None, str | None]:
        _, html, text = self.created[name]
        return html, text


class FakeEmails:
    """One mail, em-1, found by whatever is asked."""

    view = EmailView(
        email_id="em-1",
        status=Status.DELIVERED,
        campaign_id="welcome",
        recipient="ada@example.com",
        message_id="m-1",
        created_at=1e9,
        timeline=[{"type": "delivery", "at": 1e9 + 1, "detail": {"smtp": "250"}}],
        moments={"delivery": {"first": 1e9, "last": 1e9, "count": 1}},
    )

    def __init__(self) -> None:
        self.asked: list[tuple[object, ...]] = []
        self.fails: Exception | None = None

    def get(self, email_id: str) -> EmailView:
        if self.fails:
            raise self.fails
        if email_id != "em-1":
            raise UnknownIdError("email", email_id)
        return self.view

    def of_message(self, message_id: str, *, limit: int, cursor: str | None = None) -> Page[EmailView]:
        self.asked.append(("message", message_id, limit, cursor))
        return Page([self.view], None)

    def of_recipient(self, recipient: str, *, limit: int, cursor: str | None = None) -> Page[EmailView]:
        self.asked.append(("recipient", recipient, limit, cursor))
        return Page([self.view], "more")

    def of_campaign(
        self, campaign_id: str, *, status: Status | None = None, limit: int, cursor: str | None = None
    ) -> Page[EmailView]:
        self.asked.append(("campaign", campaign_id, status, limit, cursor))
        return Page([self.view], None)


@dataclass
class FakeExports:
    """Of welcome and ba-1 there are *lists* of one mail each; ``read`` counts those that were asked for.

    ``fails`` comes after the last one.
    """

    lists: int = 2
    read: int = 0
    asked: list[tuple[str, Status | None]] = field(default_factory=list)
    fails: Exception | None = None

    def campaign(self, campaign_id: str, *, status: Status | None = None) -> Iterator[list[EmailView]]:
        if campaign_id != "welcome":
            raise UnknownIdError("campaign", campaign_id)
        self.asked.append((campaign_id, status))
        return self._lists()

    def batch(self, batch_id: str, *, status: Status | None = None) -> Iterator[list[EmailView]]:
        if batch_id != "ba-1":
            raise UnknownIdError("batch", batch_id)
        self.asked.append((batch_id, status))
        return self._lists()

    def subject(self, identifier: str, *, status: Status | None = None) -> Iterator[list[EmailView]]:
        return (self.batch if identifier == "ba-1" else self.campaign)(identifier, status=status)

    def _lists(self) -> Iterator[list[EmailView]]:
        for number in range(self.lists):
            self.read += 1
            yield [replace(FakeEmails.view, email_id=f"em-{number}")]
        if self.fails:
            raise self.fails


@dataclass
class FakeResolver:
    """One recipient in doubt; notes what is ordered."""

    orders: list[tuple[str, Order]] = field(default_factory=list)

    def first_doubts(self, batch_id: str) -> list[DoubtView]:
        return [DoubtView(f"{batch_id}-000001", "ada@example.com", "ReadTimeoutError", 1e9, 1e9 + 120, held=True)]

    def email(self, email_id: str, order: Order) -> Resolution:
        self.orders.append((email_id, order))
        return Resolution(decided=1)

    def batch(self, batch_id: str, order: Order) -> Resolution:
        self.orders.append((batch_id, order))
        return Resolution(decided=2, waiting=1)

    def everything(self, order: Order) -> Resolution:
        self.orders.append(("everything", order))
        return Resolution(decided=9)


@dataclass
class FakeRetries:
    """Three failures that may pass; notes what is asked."""

    asked: list[tuple[str, str, bool]] = field(default_factory=list)

    def batch(self, batch_id: str, *, by: str, dry_run: bool = False) -> Retry:
        self.asked.append((batch_id, by, dry_run))
        return Retry(retried=3)


class FakeKeys:
    """A key per scope, named after it, and one of all scopes."""

    def authenticate(self, token: str) -> Identity | None:
        if token == "all":
            return Identity("all", frozenset({"send", "read", "admin"}))
        if token in {"send", "read", "admin"}:
            return Identity(token, frozenset({token}))  # type: ignore[arg-type]
        return None


@dataclass(frozen=True)
class FakeResult:
    status_code: int = 200
    reason: str = "event taken"


@dataclass
class FakeIntake:
    result: FakeResult = field(default_factory=FakeResult)
    posts: list[bytes] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)

    def receive(self, body: bytes, headers: Mapping[str, str]) -> FakeResult:
        self.posts.append(body)
        self.headers.append(headers)
        return self.result


@dataclass
class FakeUnsubscribing:
    """Notes who left and who came back; ``fails`` meets whoever asks."""

    left: list[tuple[UnsubscribeLink, str]] = field(default_factory=list)
    back: list[UnsubscribeLink] = field(default_factory=list)
    fails: EmsError | None = None

    def unsubscribe(self, link: UnsubscribeLink, *, by: str) -> None:
        if self.fails:
            raise self.fails
        self.left.append((link, by))

    def come_back(self, link: UnsubscribeLink) -> bool:
        if self.fails:
            raise self.fails
        self.back.append(link)
        return any(one == link for one, _ in self.left)


class FakeRate:
    def status(self) -> dict[str, object]:
        return {
            "account_limit": 100,
            "effective_rate": 95,
            "limit_source": "account",
            "used_last_second": 90,
            "used_last_minute": 5400,
            "used_24h": 1000,
            "quota_24h": 50_000,
            "quota_left": 49_000,
            "quota_left_for_bulk": 44_000,
            "bulk_waits_for": None,
            "bulk_waits_until": None,
            "sending": True,
            "penalty": 0,
            "line_ahead_seconds": 0.1,
            "lease_requests": 40,
            "unused_seconds": {"no_work": 3.0, "no_grant": 0.0, "throttled": 0.0, "late": 0.0},
            "lanes": {
                "transactional": {"calls": 12, "mean_seconds": 0.1, "longest_seconds": 0.2, "waiting": 0},
                "bulk": {"calls": 0, "mean_seconds": None, "longest_seconds": 0.0, "waiting": 3},
            },
            "refused": {"clock": 7},
            "senders": [
                {
                    "process": "mail-1-7",
                    "clock_wrong": True,
                    "clock_offset_seconds": [4.9, 5.1],
                    "refused": {"clock": 7},
                }
            ],
            "clock_offset_seconds": None,
            "account_age_seconds": 12,
            "account_error": None,
            "backlog": 190,
            "eta_seconds": 2,
        }


class FakeErasures:
    """One erasure, that of whoever was named last."""

    def __init__(self) -> None:
        self.erased: list[str] = []

    def begin(self, address: str) -> Erasure:
        self.erased.append(checked_address(address))
        return self.get("a1")

    def get(self, erasure_id: str) -> Erasure:
        if erasure_id != "a1" or not self.erased:
            raise UnknownIdError("erasure", erasure_id)
        return Erasure("a1", self.erased[-1], 1e9, look_again_at=1e9 + 180, mails=3, read=9)


@dataclass
class World:
    """The fakes of one app, to look into and to break."""

    acceptance: FakeAcceptance = field(default_factory=FakeAcceptance)
    batches: FakeBatches = field(default_factory=FakeBatches)
    emails: FakeEmails = field(default_factory=FakeEmails)
    suppressions: FakeSuppressionStore = field(default_factory=FakeSuppressionStore)
    erasures: FakeErasures = field(default_factory=FakeErasures)
    exports: FakeExports = field(default_factory=FakeExports)
    statistics: FakeStatistics = field(default_factory=FakeStatistics)
    resolver: FakeResolver = field(default_factory=FakeResolver)
    retries: FakeRetries = field(default_factory=FakeRetries)
    intake: FakeIntake = field(default_factory=FakeIntake)
    unsubscribing: FakeUnsubscribing = field(default_factory=FakeUnsubscribing)
    templates: FakeTemplates = field(default_factory=FakeTemplates)
    breaker: FakeBreakers = field(default_factory=FakeBreakers)
    broken: set[str] = field(default_factory=set)
    events: FakeEvents = field(default_factory=FakeEvents)
    endpoints: FakeEndpoints = field(default_factory=FakeEndpoints)

    def client(self, settings: Settings) -> FlaskClient:
        def check(name: str) -> None:
            if name in self.broken:
                raise ConnectionError(name)

        services = WebServices(
            acceptance=self.acceptance,
            batches=self.batches,
            campaigns=Campaigns(FakeCampaignStore(), self.templates, self.breaker),  # type: ignore[arg-type]  # same methods
            breaker=self.breaker.desk(),
            emails=self.emails,
            suppressions=SuppressionList(self.suppressions, self.suppressions, clock=lambda: 1e9),
            erasures=self.erasures,
            exports=self.exports,
            statistics=self.statistics,
            resolver=self.resolver,
            retries=self.retries,
            keys=FakeKeys(),
            intake=self.intake,
            links=LINKS,
            unsubscribing=self.unsubscribing,
            rate=FakeRate(),
            events=self.events,
            endpoints=self.endpoints,
            notices={"breaker": self.breaker.desk().notice},
            health={name: lambda name=name: check(name) for name in ("sqs", "dynamodb", "ses")},
        )
        return create_app(services, settings).test_client()
