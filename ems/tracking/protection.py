"""Which events put an address on the suppression list, and for what mail."""

from dataclasses import dataclass

from ems.store.reasons import Reason, Scope
from ems.tracking.events import EventType, SesEvent

SIMULATOR_DOMAIN = "@simulator.amazonses.com"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The entry that an event calls for."""

    reason: Reason
    scope: Scope


def verdict_on(event: SesEvent) -> Verdict | None:
    """Return what *event* means for its recipient's future mail; None for nothing.

    Bounces and complaints that SES itself made up from its account-level list (subtype ``OnAccountSuppressionList``)
    count like the ones that put the address there: SES will not deliver to it, yet charges the daily quota for every
    try. Addresses of the mailbox simulator are never listed, as SES never lists them, so that they stay usable.
    """
    if event.recipient is None or event.recipient.endswith(SIMULATOR_DOMAIN):
        return None
    if event.type is EventType.COMPLAINT:
        return Verdict(reason="complaint", scope="all")
    if event.hard:
        if event.detail.get("bounce_subtype") == "UnsubscribedRecipient":
            # Bounced by SES's list management; the address itself works.
            return Verdict(reason="unsubscribe", scope="bulk")
        return Verdict(reason="bounce", scope="all")
    left = event.type is EventType.SUBSCRIPTION and event.detail.get("unsubscribed") is True
    return Verdict(reason="unsubscribe", scope="bulk") if left or event.type is EventType.UNSUBSCRIBE else None
