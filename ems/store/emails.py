"""Queries on ``email-event-tracker`` that more than one part needs."""

from zlib import crc32

from ems.store.models import CAMPAIGN_SHARDS


def campaign_shard(campaign_id: str, email_id: str) -> str:
    """Name the campaign-index partition of a mail: ``campaign_id#NN``."""
    return f"{campaign_id}#{crc32(email_id.encode()) % CAMPAIGN_SHARDS:02d}"


def campaign_shards(campaign_id: str) -> list[str]:
    """Name all partitions of a campaign, in order."""
    return [f"{campaign_id}#{shard:02d}" for shard in range(CAMPAIGN_SHARDS)]
