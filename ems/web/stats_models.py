"""What callers get in numbers; the OpenAPI document is generated from it."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import AwareDatetime, Field

from ems.history.statistics import StatsView
from ems.web.answers import Answer

_SAME = ("since", "events", "hard_bounces", "soft_bounces", "complaints", "delays", "delivery_seconds")

BY_SUBTYPE = "Events by SES's subtype; `other` for what SES's guide does not name."


class MailCounts(Answer):
    """Mails by what became of them. A mail counts once in everything that it came to, however many events say so."""

    sent: int = Field(description="SES took it: a Send event, or any other that proves it.")
    delivered: int
    delayed: int
    soft_bounced: int
    hard_bounced: int
    complained: int
    rejected: int
    rendering_failed: int
    opened: int
    clicked: int
    unsubscribed: int


class Rates(Answer):
    """Shares from 0 to 1; null while nothing is there to divide by."""

    delivered: float | None = Field(description="Of the mails sent.")
    hard_bounced: float | None = Field(description="Of the mails sent.")
    complained: float | None = Field(description="Of the mails delivered.")
    opened: float | None = Field(description="Of the mails delivered.")
    clicked: float | None = Field(description="Of the mails delivered.")

    @classmethod
    def of(cls, mails: Mapping[str, int]) -> Self:
        """Divide."""
        sent, delivered = mails["sent"], mails["delivered"]
        return cls(
            delivered=_share(delivered, sent),
            hard_bounced=_share(mails["hard_bounced"], sent),
            complained=_share(mails["complained"], delivered),
            opened=_share(mails["opened"], delivered),
            clicked=_share(mails["clicked"], delivered),
        )


class DeliverySeconds(Answer):
    """Seconds from SES's acceptance to the receiving server's, as SES tells them. At most 5 % off."""

    mails: int = Field(description="Mails of which it is known.")
    p50: float | None
    p95: float | None


class StatsAnswer(Answer):
    """A campaign or batch in numbers: exact, each event once, also while events come."""

    since: AwareDatetime | None = Field(description="When the first event was counted; null before.")
    mails: MailCounts
    rates: Rates
    events: dict[str, int] = Field(description="What SES reported, by type.", examples=[{"send": 2, "open": 3}])
    hard_bounces: dict[str, int] = Field(description=BY_SUBTYPE, examples=[{"General": 1}])
    soft_bounces: dict[str, int] = Field(description=BY_SUBTYPE)
    complaints: dict[str, int] = Field(description=BY_SUBTYPE)
    delays: dict[str, int] = Field(description=BY_SUBTYPE)
    delivery_seconds: DeliverySeconds


class CampaignStats(StatsAnswer):
    """A campaign in numbers."""

    campaign_id: str


class BatchStats(StatsAnswer):
    """A batch in numbers."""

    batch_id: str


def stats_fields(view: StatsView) -> dict[str, Any]:
    """Return the fields of a StatsAnswer."""
    fields = {name: getattr(view, name) for name in _SAME}
    return fields | {"mails": MailCounts.model_validate(dict(view.mails)), "rates": Rates.of(view.mails)}


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
