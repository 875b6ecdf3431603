"""What became of all mails of a campaign, a batch or the account, in numbers."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from ems.errors import UnknownIdError
from ems.sending.batches import accepted_batch
from ems.sending.ports import BatchReader
from ems.store.campaigns import Campaign
from ems.store.counters import Scope, Step
from ems.store.stats import Totals
from ems.tracking.contribution import EVENTS_PREFIX, MAILS_PREFIX, OUTCOMES, quantile, timed
from ems.tracking.events import EventType
from ems.tracking.kinds import HARD_BOUNCE, OTHER, SOFT_BOUNCE
from ems.tracking.readers import MACHINES, PERSON

LINKS_SHOWN = 100


class Counters(Protocol):
    """Where the numbers come from (:class:`ems.store.stats.StatsStore`)."""

    def total(self, scope: Scope) -> Totals:
        """Read all that was ever counted in a scope."""

    def links(self, scope: Scope) -> Mapping[str, Mapping[str, int]]:
        """Read the clicks by link."""

    def series(self, scope: Scope, step: Step, *, start: float, end: float) -> Mapping[int, Mapping[str, int]]:
        """Read counters by the beginning of their hour or minute."""


class CampaignReader(Protocol):
    """Where campaigns come from (:class:`ems.store.campaigns.CampaignStore`)."""

    def read(self, campaign_id: str) -> Campaign | None:
        """Read a campaign; None when there is none."""


@dataclass(frozen=True, slots=True)
class DeliveryTimes:
    """Seconds from SES's acceptance to delivery, of ``mails`` mails; each figure is at most 5 % off."""

    mails: int
    p50: float | None
    p95: float | None


@dataclass(frozen=True, slots=True)
class Readings:
    """Opens or clicks of one kind of reader: mails that had one, and how many there were."""

    mails: int
    events: int


@dataclass(frozen=True, slots=True)
class LinkView:
    """Clicks of one link: by people, by machines, and mails of which a person followed it."""

    link: str
    clicks: int
    mails: int
    machine_clicks: int


@dataclass(frozen=True, slots=True)
class StatsView:
    """The numbers of one subject.

    ``mails`` counts mails by what became of them (:data:`ems.tracking.contribution.OUTCOMES`), each once in every
    outcome that it had; ``events`` what SES reported, by type; ``opens`` and ``clicks`` by who made them
    (:mod:`ems.tracking.readers`); ``links`` the clicks by link, the most followed first; the others tell events apart
    by SES's subtype. ``state`` is the campaign's, with why the breaker or an operator paused it; both are None for a
    batch and for a campaign that was deleted.
    """

    mails: Mapping[str, int]
    events: Mapping[str, int]
    hard_bounces: Mapping[str, int]
    soft_bounces: Mapping[str, int]
    complaints: Mapping[str, int]
    delays: Mapping[str, int]
    opens: Mapping[str, Readings]
    clicks: Mapping[str, Readings]
    links: Sequence[LinkView]
    delivery_seconds: DeliveryTimes
    since: float | None
    state: str | None = None
    state_reason: str | None = None


@dataclass(frozen=True, slots=True)
class SeriesPoint:
    """Mails by the outcome that they first had in one hour or minute, which begins at ``at`` (epoch seconds)."""

    at: float
    mails: Mapping[str, int]


class Statistics:
    """Answers from the counters, at the same cost for ten mails and ten million."""

    def __init__(self, counters: Counters, campaigns: CampaignReader, batches: BatchReader) -> None:
        self._counters = counters
        self._campaigns = campaigns
        self._batches = batches

    def campaign(self, campaign_id: str) -> StatsView:
        """Return the numbers of a campaign, also of one that was deleted.

        Raises:
            UnknownIdError: There is no such campaign, nor was there an event of one.
        """
        scope, totals, campaign = self._campaign(campaign_id)
        view = _view(totals, self._links(scope, totals))
        return view if campaign is None else replace(view, state=campaign.state, state_reason=campaign.state_reason)

    def campaign_series(self, campaign_id: str, step: Step, *, start: float, end: float) -> list[SeriesPoint]:
        """Return the numbers of a campaign by time; hours and minutes in which nothing happened are left out.

        Raises:
            UnknownIdError: There is no such campaign, nor was there an event of one.
        """
        scope, _totals, _row = self._campaign(campaign_id)
        return self._series(scope, step, start=start, end=end)

    def batch_series(self, batch_id: str, step: Step, *, start: float, end: float) -> list[SeriesPoint]:
        """Return the numbers of a batch by time.

        Raises:
            UnknownIdError: No batch of this id was accepted.
        """
        accepted_batch(self._batches, batch_id)
        return self._series(Scope("batch", batch_id), step, start=start, end=end)

    def subject(self, identifier: str) -> StatsView:
        """Return the numbers of the batch of this id or, if there is none, the campaign.

        Raises:
            UnknownIdError: Neither is there.
        """
        try:
            return self.batch(identifier)
        except UnknownIdError:
            return self.campaign(identifier)

    def subject_series(self, identifier: str, step: Step, *, start: float, end: float) -> list[SeriesPoint]:
        """Return the numbers of the batch of this id or, if there is none, the campaign, by time.

        Raises:
            UnknownIdError: Neither is there.
        """
        try:
            return self.batch_series(identifier, step, start=start, end=end)
        except UnknownIdError:
            return self.campaign_series(identifier, step, start=start, end=end)

    def _campaign(self, campaign_id: str) -> tuple[Scope, Totals, Campaign | None]:
        scope = Scope("campaign", campaign_id)
        totals, campaign = self._counters.total(scope), self._campaigns.read(campaign_id)
        if totals.since is None and campaign is None:
            raise UnknownIdError("campaign", campaign_id)
        return scope, totals, campaign

    def _series(self, scope: Scope, step: Step, *, start: float, end: float) -> list[SeriesPoint]:
        counters = self._counters.series(scope, step, start=start, end=end)
        points = (
            SeriesPoint(at, {outcome: counts[outcome] for outcome in OUTCOMES if counts.get(outcome)})
            for at, counts in counters.items()
        )
        return [one for one in points if one.mails]

    def batch(self, batch_id: str) -> StatsView:
        """Return the numbers of a batch.

        Raises:
            UnknownIdError: No batch of this id was accepted.
        """
        accepted_batch(self._batches, batch_id)
        scope = Scope("batch", batch_id)
        totals = self._counters.total(scope)
        return _view(totals, self._links(scope, totals))

    def _links(self, scope: Scope, totals: Totals) -> list[LinkView]:
        if not any(name.startswith(f"{EVENTS_PREFIX}{EventType.CLICK}") for name in totals.counts):
            return []
        views = (
            LinkView(link or OTHER, clicks.get(PERSON, 0), clicks.get("mails", 0), clicks.get("machine", 0))
            for link, clicks in self._counters.links(scope).items()
        )
        ranked = sorted(views, key=lambda one: (-one.clicks, -one.machine_clicks, one.link))
        return [one for one in ranked if one.clicks or one.machine_clicks][:LINKS_SHOWN]


def _view(totals: Totals, links: list[LinkView]) -> StatsView:
    kinds = {
        name.removeprefix(EVENTS_PREFIX): number
        for name, number in totals.counts.items()
        if name.startswith(EVENTS_PREFIX)
    }
    return StatsView(
        mails={outcome: totals.counts.get(outcome, 0) for outcome in OUTCOMES},
        events=_by_type(kinds),
        hard_bounces=_subtypes(kinds, HARD_BOUNCE),
        soft_bounces=_subtypes(kinds, SOFT_BOUNCE),
        complaints=_subtypes(kinds, EventType.COMPLAINT),
        delays=_subtypes(kinds, EventType.DELIVERY_DELAY),
        opens=_readings(totals.counts, EventType.OPEN),
        clicks=_readings(totals.counts, EventType.CLICK),
        links=links,
        delivery_seconds=DeliveryTimes(
            mails=timed(totals.counts), p50=quantile(totals.counts, 0.5), p95=quantile(totals.counts, 0.95)
        ),
        since=totals.since,
    )


def _readings(counts: Mapping[str, int], kind: EventType) -> dict[str, Readings]:
    return {
        reader: Readings(
            mails=counts.get(f"{MAILS_PREFIX}{kind}:{reader}", 0),
            events=counts.get(f"{EVENTS_PREFIX}{kind}:{reader}", 0),
        )
        for reader in (PERSON, *MACHINES)
    }


def _by_type(kinds: Mapping[str, int]) -> dict[str, int]:
    types: Counter[str] = Counter()
    for kind, number in kinds.items():
        types[kind.partition(":")[0]] += number
    return dict(sorted(types.items()))


def _subtypes(kinds: Mapping[str, int], family: str) -> dict[str, int]:
    return {kind.partition(":")[2]: number for kind, number in sorted(kinds.items()) if kind.startswith(f"{family}:")}
