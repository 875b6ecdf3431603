"""What callers get in numbers; the OpenAPI document is generated from it."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, Self

from pydantic import AwareDatetime, Field, model_validator

from ems.history.statistics import SeriesPoint, StatsView
from ems.store.counters import SECONDS, Step
from ems.web.answers import Answer, CampaignState
from ems.web.bodies import Query

MAX_POINTS = 20_000
DEFAULT_SECONDS: Mapping[Step, int] = {"hour": 7 * 86_400, "minute": 3 * 3_600}

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
    state: CampaignState | None = Field(description="As GET /campaigns/{campaign_id} tells; null when it was deleted.")
    state_reason: str | None = Field(description="Why it is paused: what the breaker counted, or an operator's word.")


class BatchStats(StatsAnswer):
    """A batch in numbers."""

    batch_id: str


class SeriesQuery(Query):
    """Which stretch of time, and in what steps."""

    step: Step = Field(default="hour", description="Minutes are kept for seven days.")
    start: AwareDatetime | None = Field(
        default=None,
        alias="from",
        description="ISO 8601 with an offset. Left out: seven days before to, of minutes three hours.",
    )
    end: AwareDatetime | None = Field(default=None, alias="to", description="Up to when, exclusive. Left out: now.")

    @model_validator(mode="after")
    def _is_bounded(self) -> Self:
        start, end = self.stretch(now=time.time())
        if start >= end:
            raise ValueError("from must be before to")
        if (end - start) / SECONDS[self.step] > MAX_POINTS:
            raise ValueError(f"from and to are more than {MAX_POINTS} steps apart: ask for less, or for hours")
        return self

    def stretch(self, *, now: float) -> tuple[float, float]:
        """Return from when to when, in epoch seconds."""
        end = self.end.timestamp() if self.end else now
        return (self.start.timestamp() if self.start else end - DEFAULT_SECONDS[self.step]), end


class PointAnswer(Answer):
    """One hour or minute."""

    at: AwareDatetime = Field(description="When it begins.")
    mails: dict[str, int] = Field(
        description="Mails by what they first came to in it; what is zero is left out.",
        examples=[{"sent": 90, "delivered": 81}],
    )


class SeriesAnswer(Answer):
    """A campaign or batch over time. Its points add up to mails of the stats, as long as the time is kept."""

    step: Step
    points: list[PointAnswer] = Field(description="In order; those in which nothing happened are left out.")

    @classmethod
    def of(cls, step: Step, points: Sequence[SeriesPoint]) -> Self:
        """Answer with *points*."""
        return cls(step=step, points=[PointAnswer.model_validate(one) for one in points])


def stats_fields(view: StatsView) -> dict[str, Any]:
    """Return the fields of a StatsAnswer."""
    fields = {name: getattr(view, name) for name in _SAME}
    return fields | {"mails": MailCounts.model_validate(dict(view.mails)), "rates": Rates.of(view.mails)}


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
