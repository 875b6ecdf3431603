"""What delivering stands on, as fakes, and builders for what it works with."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ems.aws.ses import Mail, Template
from ems.aws.ses_answers import Accepted, NotNow, Outcome
from ems.errors import UnavailableError
from ems.governor.lease import Lease
from ems.links import UnsubscribeLinks
from ems.sending.payloads import ChunkPayload, ChunkRecipient, SinglePayload
from ems.store.batches import Batch
from ems.store.campaigns import Campaign
from ems.store.status import Status

CAMPAIGN = Campaign(
    campaign_id="welcome",
    name="Welcome",
    kind="bulk",
    sender="Shop <shop@example.com>",
    reply_to=("help@example.com",),
    subject="Hello {{name}}",
    html=None,
    text="Hello {{name}}",
    template_name="ems-welcome-1",
    template_version=1,
    variables=("name",),
    state="active",
    state_reason=None,
    created_at=1.0,
    updated_at=1.0,
)


LINKS = UnsubscribeLinks(["s" * 32], public_url="https://ems.example.com")


def address(number: int) -> str:
    return f"person{number}@example.com"


def entry(number: int, **data: Any) -> dict[str, Any]:
    """Return one recipient of a bulk request."""
    return {"to": address(number), "data": {"name": f"P{number}", **data}}


def single(email_id: str = "e1", **changes: Any) -> SinglePayload:
    mail = SinglePayload(
        email_id=email_id,
        campaign_id="welcome",
        kind="transactional",
        sender="shop@example.com",
        template_name="ems-welcome-1",
        to=address(0),
        data={"name": "Ada"},
    )
    return replace(mail, **changes)


def chunk(size: int = 4, *, batch_id: str = "b1", number: int = 0, **changes: Any) -> ChunkPayload:
    first = number * 50
    payload = ChunkPayload(
        batch_id=batch_id,
        chunk=number,
        campaign_id="welcome",
        kind="bulk",
        sender="shop@example.com",
        template_name="ems-welcome-1",
        recipients=tuple(ChunkRecipient(first + i, address(first + i), {"name": f"P{i}"}) for i in range(size)),
    )
    return replace(payload, **changes)


def batch(batch_id: str = "b1", *, total: int = 4, state: str = "waiting", **changes: Any) -> Batch:
    made = Batch(
        batch_id=batch_id,
        campaign_id="welcome",
        kind="bulk",
        name=None,
        state=state,
        requested=total,
        total=total,
        chunks=1,
        chunk_size=50,
        template_name="ems-welcome-1",
        subject="Hi {{name}}",
        variables=("name",),
        fingerprint="f",
        send_at=None,
        created_at=1_800_000_000.0,
        updated_at=1_800_000_000.0,
    )
    return replace(made, **changes)


class Died(BaseException):
    """The process is gone: nothing catches this but the test."""


class ChunkSize:
    """What the rate says of chunks; ``unknown`` makes it unreachable."""

    recipients = 50
    unknown = False

    def __call__(self) -> int:
        if self.unknown:
            raise UnavailableError("the governor", "down on purpose")
        return self.recipients


@dataclass
class FakeCampaigns:
    """Campaigns by id; ``down`` is an outage."""

    campaigns: dict[str, Campaign] = field(default_factory=lambda: {CAMPAIGN.campaign_id: CAMPAIGN})
    down: bool = False

    def get(self, campaign_id: str) -> Campaign:
        return self.campaigns[campaign_id]

    def read_many(self, campaign_ids: Sequence[str]) -> dict[str, Campaign]:
        if self.down:
            raise UnavailableError("DynamoDB", "down")
        return {one: self.campaigns[one] for one in campaign_ids if one in self.campaigns}


@dataclass
class FakeGovernor:
    """Leases at once, or raises the next of ``refusals``; ``before_lease`` runs first, ``before_arrival`` at a slot.

    ``missed`` says of the next slots that were booked whether they are missed.
    """

    size: int = 2
    refusals: list[Exception] = field(default_factory=list)
    leases: list[tuple[int, str]] = field(default_factory=list)
    throttles: int = 0
    missed: list[bool] = field(default_factory=list)
    before_lease: Callable[[], object] = lambda: None
    before_arrival: Callable[[], object] = lambda: None

    def lease(self, n: int, *, lane: str, deadline: float | None = None) -> Lease:
        del deadline
        self.before_lease()
        if self.refusals:
            raise self.refusals.pop(0)
        self.leases.append((n, lane))
        return Lease(start_at=0.0, n=n, not_after=math.inf)

    def book(self, n: int, *, lane: str) -> Lease:
        return self.lease(n, lane=lane)

    def arrive(self, lease: Lease) -> bool:
        del lease
        self.before_arrival()
        return not self.missed or self.missed.pop(0) is False

    def returned(self, lease: Lease) -> None:
        del lease

    def throttled(self) -> None:
        self.throttles += 1

    def call_size(self) -> int:
        return self.size


@dataclass
class FakeMailer:
    """SES: answers by ``script``, accepts what the script does not cover, and logs every mail that it took.

    ``taken`` is SES's own log, ``calls`` are those that left in time.
    """

    clock: Callable[[], float] = lambda: 0.0

    script: list[Outcome | Died | None] = field(default_factory=list)
    taken: Counter[str] = field(default_factory=Counter)
    calls: list[list[Mail]] = field(default_factory=list)
    templates: list[Template] = field(default_factory=list)

    def send(self, template: Template, mails: Sequence[Mail], *, not_after: float | None = None) -> list[Outcome]:
        if not_after is not None and self.clock() > not_after:
            return [NotNow("late", "the slot had passed")] * len(mails)
        self.calls.append(list(mails))
        self.templates.append(template)
        return [self._next(mail) for mail in mails]

    def _next(self, mail: Mail) -> Outcome:
        scripted = self.script.pop(0) if self.script else None
        if isinstance(scripted, Died):
            raise scripted
        if scripted is not None:
            return scripted
        self.taken[mail.email_id] += 1
        return Accepted(f"ses-{mail.email_id}")


@dataclass
class Heard:
    """Hears what became of mails, by kind and status."""

    settled_mails: Counter[tuple[str, str]] = field(default_factory=Counter)

    def settled(self, kind: str, status: Status, number: int = 1) -> None:
        self.settled_mails[kind, status.value] += number


@dataclass
class FakeSuppressions:
    """Suppresses ``reasons``' addresses."""

    reasons: dict[str, str] = field(default_factory=dict)

    def filter(self, addresses: Iterable[str], *, kind: str, accepted_at: float) -> dict[str, str]:
        del kind, accepted_at
        return {one: self.reasons[one] for one in addresses if one in self.reasons}
