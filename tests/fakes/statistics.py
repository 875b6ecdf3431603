"""The numbers of one campaign, welcome, and one batch, ba-1."""

from dataclasses import replace

from ems.errors import UnknownIdError
from ems.history.statistics import DeliveryTimes, LinkView, Readings, SeriesPoint, StatsView
from ems.store.counters import Step
from ems.tracking.contribution import OUTCOMES

VIEW = StatsView(
    mails=dict.fromkeys(OUTCOMES, 0) | {"sent": 100, "delivered": 80, "hard_bounced": 4, "opened": 20, "clicked": 8},
    events={"send": 100, "delivery": 80, "hard_bounce": 4, "open": 33, "click": 12},
    hard_bounces={"General": 3, "NoEmail": 1},
    soft_bounces={},
    complaints={},
    delays={},
    opens={"person": Readings(20, 33), "apple_mpp": Readings(9, 9)},
    clicks={"person": Readings(8, 12)},
    links=[LinkView("https://www.example.com/offer", clicks=12, mails=8, machine_clicks=0)],
    delivery_seconds=DeliveryTimes(mails=80, p50=0.4, p95=2.5),
    since=1e9,
)


POINTS = [SeriesPoint(1e9, {"sent": 90, "delivered": 70}), SeriesPoint(1e9 + 7_200, {"sent": 10, "opened": 20})]


class FakeStatistics:
    def __init__(self) -> None:
        self.asked: list[tuple[str, Step, float, float]] = []

    def campaign(self, campaign_id: str) -> StatsView:
        if campaign_id != "welcome":
            raise UnknownIdError("campaign", campaign_id)
        return replace(VIEW, state="paused_by_breaker", state_reason="4 of 100 bounced")

    def batch(self, batch_id: str) -> StatsView:
        if batch_id != "ba-1":
            raise UnknownIdError("batch", batch_id)
        return VIEW

    def subject(self, identifier: str) -> StatsView:
        return self.campaign(identifier)

    def campaign_series(self, campaign_id: str, step: Step, *, start: float, end: float) -> list[SeriesPoint]:
        self.campaign(campaign_id)
        self.asked.append((campaign_id, step, start, end))
        return POINTS

    def batch_series(self, batch_id: str, step: Step, *, start: float, end: float) -> list[SeriesPoint]:
        self.batch(batch_id)
        self.asked.append((batch_id, step, start, end))
        return POINTS

    subject_series = campaign_series
