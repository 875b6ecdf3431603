"""The states of one mail, and which of two observations of it is the truer one.

Two writers keep their own view of a mail: the sender (``send_status``) and tracking (``event_status``). Events come
late, twice and out of order, so neither the later writer nor the later clock wins, but the higher rank.
"""

from enum import StrEnum


class Status(StrEnum):
    """What has become of a mail, in the words that callers read."""

    QUEUED = "queued"
    SENDING = "sending"
    IN_DOUBT = "in_doubt"
    HELD = "held"
    SUPPRESSED = "suppressed"
    CANCELLED = "cancelled"
    SENT = "sent"
    DELAYED = "delayed"
    SOFT_BOUNCED = "soft_bounced"
    DELIVERED = "delivered"
    OPENED = "opened"
    CLICKED = "clicked"
    FAILED = "failed"
    REJECTED = "rejected"
    RENDERING_FAILED = "rendering_failed"
    BOUNCED = "bounced"
    COMPLAINED = "complained"


RANK: dict[Status, int] = {
    Status.QUEUED: 0,
    Status.SENDING: 1,
    Status.IN_DOUBT: 2,
    # At rest without a mail: above every step towards sending, below any evidence that SES has sent after all.
    Status.HELD: 3,
    Status.SUPPRESSED: 3,
    Status.CANCELLED: 3,
    Status.SENT: 4,
    Status.DELAYED: 5,
    Status.SOFT_BOUNCED: 6,
    Status.DELIVERED: 7,
    Status.OPENED: 8,
    Status.CLICKED: 9,
    Status.FAILED: 10,
    Status.REJECTED: 10,
    Status.RENDERING_FAILED: 10,
    Status.BOUNCED: 11,
    Status.COMPLAINED: 12,
}
"""A lower rank never overwrites a higher one; of two equal ones the first seen stays."""


OPEN_TO_PROOF = frozenset({Status.IN_DOUBT, Status.FAILED, Status.SUPPRESSED})
"""What the sender may say of a mail that was in doubt, and an event overturns: SES has taken it after all."""


def current(send_status: str | None, event_status: str | None) -> Status:
    """Compose what the sender and the events say about one mail; of two equal ranks the events' word counts.

    A row with neither (an event created it and carried no state of its own) is ``queued``.

    Raises:
        ValueError: A value is no status.
    """
    known = [Status(value) for value in (event_status, send_status) if value is not None]
    return max(known, key=RANK.__getitem__, default=Status.QUEUED)
