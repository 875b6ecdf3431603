"""What callers ask for and what they get back, as values. The HTTP edge builds these from validated JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ems.errors import RejectedRecipient
from ems.governor.status import Hindrance

BatchHindrance = Hindrance | Literal["campaign", "canary"]
"""What keeps a batch waiting: what keeps all bulk, its campaign that is paused, or its canary that is still out."""

BatchStatus = Literal["scheduled", "waiting", "sending", "paused", "done", "cancelled"]


@dataclass(frozen=True, slots=True)
class SingleRequest:
    """One mail. Addresses are as the caller wrote them; accepting checks and normalises them."""

    campaign_id: str
    to: str
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    reply_to: tuple[str, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BulkRequest:
    """Many mails of one campaign.

    ``recipients`` is the raw JSON list: each entry is checked on its own, so that one bad entry costs only itself.
    ``send_at`` is in epoch seconds.
    """

    campaign_id: str
    recipients: list[Any]
    data: Mapping[str, Any] = field(default_factory=dict)
    name: str | None = None
    send_at: float | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the API key's id, the Idempotency-Key header if there was one, and what logs know the request by."""

    key_id: str
    idempotency_key: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class AcceptedEmail:
    """The answer to a single request."""

    email_id: str
    status: str


@dataclass(frozen=True, slots=True)
class AcceptedBatch:
    """The answer to a bulk request."""

    batch_id: str
    accepted: int
    rejected: list[RejectedRecipient]


@dataclass(frozen=True, slots=True)
class BatchCounts:
    """Recipients of a batch by where they are; they add up to the batch's total."""

    waiting: int = 0
    sending: int = 0
    sent: int = 0
    failed: int = 0
    suppressed: int = 0
    cancelled: int = 0
    in_doubt: int = 0
    held: int = 0


@dataclass(frozen=True, slots=True)
class BatchView:
    """A batch as callers see it. ``rate`` is recipients a second so far, ``eta_seconds`` None when nothing moves.

    ``waits_for`` names what keeps it waiting, ``waits_because`` says why its campaign is paused, and ``waits_until``
    (epoch seconds) is when that is expected to end.
    """

    batch_id: str
    campaign_id: str
    name: str | None
    status: BatchStatus
    total: int
    counts: BatchCounts
    rate: float
    eta_seconds: float | None
    created_at: float
    send_at: float | None
    waits_for: BatchHindrance | None = None
    waits_because: str | None = None
    waits_until: float | None = None
