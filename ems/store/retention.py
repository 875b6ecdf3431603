"""How long records live."""

from datetime import UTC, datetime


def expiry(now: float, retention_seconds: float) -> datetime:
    """Return the TTL of a row written at *now* (epoch seconds). DynamoDB deletes it within days of that time."""
    return datetime.fromtimestamp(now + retention_seconds, tz=UTC)
