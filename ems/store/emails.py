"""Queries on ``email-event-tracker`` that more than one part needs."""

from collections.abc import Sequence
from zlib import crc32

from ems.store.failures import translated
from ems.store.models import CAMPAIGN_SHARDS, TrackerRow


def campaign_shard(campaign_id: str, email_id: str) -> str:
    """Name the campaign-index partition of a mail: ``campaign_id#NN``."""
    return f"{campaign_id}#{crc32(email_id.encode()) % CAMPAIGN_SHARDS:02d}"


def campaign_shards(campaign_id: str) -> list[str]:
    """Name all partitions of a campaign, in order."""
    return [f"{campaign_id}#{shard:02d}" for shard in range(CAMPAIGN_SHARDS)]


def rows_of(emails: type[TrackerRow], email_ids: Sequence[str]) -> list[TrackerRow]:
    """Read up to 100 mails consistently, in the order of their ids; what has no row is left out.

    Raises:
        UnavailableError: DynamoDB cannot be reached.
    """
    if not email_ids:
        return []
    with translated("cannot read mails"):
        rows = list(emails.batch_get(list(email_ids), consistent_read=True))
    return sorted(rows, key=lambda row: row.email_id)
