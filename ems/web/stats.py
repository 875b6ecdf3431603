"""Campaigns and batches in numbers."""

from ems.web.operations import operation
from ems.web.services import Statistics
from ems.web.stats_models import BatchStats, CampaignStats, stats_fields


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
        return CampaignStats(campaign_id=campaign_id, **stats_fields(self._statistics.campaign(campaign_id)))

    @operation("GET /batches/{batch_id}/stats", scope="read", tag="statistics", problems=(404, 503))
    def get_batch_stats(self, batch_id: str) -> BatchStats:
        """Count a batch's mails and events. How far sending is: GET /batches/{batch_id}."""
        return BatchStats(batch_id=batch_id, **stats_fields(self._statistics.batch(batch_id)))
