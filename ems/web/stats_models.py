"""What callers get in numbers; the OpenAPI document is generated from it."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import AwareDatetime, Field

from ems.history.statistics import StatsView
from ems.web.answers import Answer

BY_READER = (
    "By who made them: person, apple_mpp (Mail Privacy Protection fetches images unread), gmail_proxy and yahoo_proxy "
    "(mostly a person, of whom no more is known), scanner (a security gateway: by its name, or since it followed "
    "three links in ten seconds)."
)

_SAME = (
    "since",
    "events",
    "hard_bounces",
    "soft_bounces",
    "complaints",
    "delays",
    "opens",
    "clicks",
    "links",
    "delivery_seconds",
)

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
    opened: int = Field(description="By a person, as far as anybody can tell.")
    clicked: int = Field(description="By a person, as far as anybody can tell.")
    opened_by_machine: int = Field(description="A proxy or scanner opened it; a person may have as well.")
    clicked_by_machine: int
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


class ReadingsAnswer(Answer):
    """Opens or clicks of one kind of reader."""

    mails: int = Field(description="Mails that had one.")
    events: int


class LinkAnswer(Answer):
    """Clicks of one link."""

    link: str = Field(description="Without query and fragment; `other` for what is not counted by itself.")
    clicks: int = Field(description="By people.")
    mails: int = Field(description="Mails of which a person followed it.")
    machine_clicks: int


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
    opens: dict[str, ReadingsAnswer] = Field(description=BY_READER)
    clicks: dict[str, ReadingsAnswer] = Field(description=BY_READER)
    links: list[LinkAnswer] = Field(description="The hundred that people followed most.")
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
