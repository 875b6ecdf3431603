"""Recipients who unsubscribe by the link of a mail, and those who come back."""

import hashlib
import time
from collections.abc import Callable
from typing import Literal

import structlog

from ems.links import UnsubscribeLink
from ems.store.removals import Removals
from ems.store.suppressions import Suppressions
from ems.store.tracking import TrackedMail, TrackingStore
from ems.tracking.apply import Tracker
from ems.tracking.events import EventType, SesEvent

log = structlog.get_logger()

SOURCE = "unsubscribe link"
"""Who says so, in the suppression list."""

Road = Literal["one-click", "page"]
"""How it was asked for: by the mailbox provider's button, which posts by itself, or by that of EMS's page."""


class Unsubscribing:
    """Keeps the word of whoever holds a link. *clock* gives epoch seconds.

    Every method raises UnavailableError without DynamoDB, and may be repeated: what it did before it keeps.
    """

    def __init__(
        self,
        *,
        suppressions: Suppressions,
        removals: Removals,
        store: TrackingStore,
        tracker: Tracker,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._suppressions = suppressions
        self._removals = removals
        self._store = store
        self._tracker = tracker
        self._clock = clock

    def unsubscribe(self, link: UnsubscribeLink, *, by: Road) -> None:
        """Suppress the link's address for bulk, and note that on its mail's timeline, once.

        The list comes first, since it is what was asked for: it outlives the mail's row, and a repetition puts an
        address there again that came back meanwhile.
        """
        now = self._clock()
        self._suppressions.add(
            link.address, reason="unsubscribe", scope="bulk", source=SOURCE, since=now, email_id=link.email_id
        )
        mail = self._store.load([link.email_id])[link.email_id]
        log.info("unsubscribed", email_id=link.email_id, campaign_id=link.campaign_id, by=by)
        if _is_recorded(mail):
            self._tracker.apply(unsubscription(mail, by=by, at=now))

    def come_back(self, link: UnsubscribeLink) -> bool:
        """Take the address off the list if an unsubscription is what put it there; tell whether it was so.

        A bounce or a complaint is nobody's to take back, nor is what an operator put there against all mail.
        """
        return self._removals.remove(link.address.lower(), only=("unsubscribe", "bulk"))


def _is_recorded(mail: TrackedMail) -> bool:
    """Tell whether the mail has a row: an expired one must not come to life again, with nothing else in it."""
    return mail.send_status is not None or mail.version is not None


def unsubscription(mail: TrackedMail, *, by: Road, at: float) -> SesEvent:
    """Make the event of *mail*, the same however often it comes, *at* epoch seconds.

    Whom it is about is what the row says: one that has forgotten that must not be told again.
    """
    key = hashlib.blake2b(f"{mail.email_id}\x1f{EventType.UNSUBSCRIBE}".encode(), digest_size=12).hexdigest()
    return SesEvent(
        type=EventType.UNSUBSCRIBE,
        message_id=mail.message_id or "",
        recipient=mail.recipient,
        destination=(),
        at=at,
        key=key,
        email_id=mail.email_id,
        campaign_id=mail.campaign_id,
        detail={"by": by},
    )
