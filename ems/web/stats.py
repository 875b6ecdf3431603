"""Campaigns and batches in numbers."""

import time

from ems.web.operations import operation
from ems.web.services import Statistics
from ems.web.stats_models import BatchStats, CampaignStats, SeriesAnswer, SeriesQuery, stats_fields


class Stats:
    """Reads the counters."""

    def __init__(self, statistics: Statistics) -> None:
        self._statistics = statistics

    @operation("GET /campaigns/{campaign_id}/stats", scope="read", tag="statistics", problems=(404, 503))
    def get_campaign_stats(self, campaign_id: str) -> CampaignStats:
        """Count a campaign's mails and events.

        Counted as events are applied, with none lost or counted twice; reading costs the same for any number of mails.
        Numbers of a campaign stay when its mails' records expire.
        """
        view = self._statistics.campaign(campaign_id)
        return CampaignStats(
            campaign_id=campaign_id, state=view.state, state_reason=view.state_reason, **stats_fields(view)
        )

    @operation("GET /batches/{batch_id}/stats", scope="read", tag="statistics", problems=(404, 503))
    def get_batch_stats(self, batch_id: str) -> BatchStats:
        """Count a batch's mails and events. How far sending is: GET /batches/{batch_id}."""
        return BatchStats(batch_id=batch_id, **stats_fields(self._statistics.batch(batch_id)))

    @operation("GET /campaigns/{campaign_id}/stats/series", scope="read", tag="statistics", problems=(404, 422, 503))
    def get_campaign_series(self, campaign_id: str, query: SeriesQuery) -> SeriesAnswer:
        """Count a campaign's mails by hour or minute.

        A mail counts in the time of the first event that made it what it is: sent, delivered, opened and so on.
        """
        start, end = query.stretch(now=time.time())
        return SeriesAnswer.of(
            query.step, self._statistics.campaign_series(campaign_id, query.step, start=start, end=end)
        )

    @operation("GET /batches/{batch_id}/stats/series", scope="read", tag="statistics", problems=(404, 422, 503))
    def get_batch_series(self, batch_id: str, query: SeriesQuery) -> SeriesAnswer:
        """Count a batch's mails by hour or minute, as a campaign's."""
        start, end = query.stretch(now=time.time())
        return SeriesAnswer.of(query.step, self._statistics.batch_series(batch_id, query.step, start=start, end=end))
