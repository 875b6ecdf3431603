"""How an event changes what a row keeps for the counters."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

from ems.store.facts import Facts, Reading, Tally
from ems.store.tracking import TrackedMail
from ems.tracking.events import ENGAGEMENT, EventType, SesEvent
from ems.tracking.kinds import kind_of
from ems.tracking.readers import link_of, reader_of
from ems.tracking.replay import replayed

EARLY_LIMIT = 50
"""Opens and clicks of a mail that are kept with time and link; a person makes a few."""


def facts_of(mail: TrackedMail) -> Facts:
    """Return what the row keeps or, where a release before the counters wrote it, what its timeline says."""
    if mail.facts is None or (_knows_less(mail.facts, mail) and len(mail.timeline) == len(mail.seen)):
        events = (event for event in replayed(mail) if event.recipient == mail.recipient)
        return facts_of_events(mail.campaign_id, events)
    return mail.facts


def _knows_less(facts: Facts, mail: TrackedMail) -> bool:
    """Tell whether a worker of such a release has written the row since: during an upgrade both are at work."""
    counted = sum(int(moment["count"]) for moment in mail.moments.values())
    return facts.number < counted


def facts_of_events(campaign_id: str | None, events: Iterable[SesEvent]) -> Facts:
    """Count *events*, all about the main recipient, anew."""
    facts = Facts(campaign_id=campaign_id)
    for event in events:
        facts = facts_after(facts, event)
    return facts


def facts_after(facts: Facts, event: SesEvent) -> Facts:
    """Return *facts* after one event more. The order of events makes no difference, so a repetition must not come."""
    if event.type in ENGAGEMENT:
        return _read(facts, event)
    kinds = _added(facts.kinds, kind_of(event), Tally(event.at, 1))
    return replace(facts, kinds=kinds, delivery_ms=_earlier(facts.delivery_ms, event))


def _read(facts: Facts, event: SesEvent) -> Facts:
    """Keep the earliest: which these are does not depend on the order in which they come."""
    link = link_of(event.detail.get("link")) if event.type is EventType.CLICK else None
    reading = Reading(event.at, reader_of(event.detail.get("user_agent")), link)
    early = sorted((*facts.early, reading), key=lambda one: one.order)
    kinds = facts.kinds
    for late in early[EARLY_LIMIT:]:
        kind = f"{EventType.OPEN if late.link is None else EventType.CLICK}:{late.reader}"
        kinds = _added(kinds, kind, Tally(late.at, 1))
    return replace(facts, kinds=kinds, early=tuple(early[:EARLY_LIMIT]))


def _added(kinds: Mapping[str, Tally], kind: str, tally: Tally) -> Mapping[str, Tally]:
    return {**kinds, kind: kinds[kind].joined(tally) if kind in kinds else tally}


def _earlier(known: float | None, event: SesEvent) -> float | None:
    told = _number(event.detail.get("processing_ms")) if event.type is EventType.DELIVERY else None
    if told is None or known is None:
        return known if told is None else told
    return min(known, told)


def _number(value: object) -> float | None:
    """Read a number: event publishing writes one, an identity notification about the same delivery a text."""
    try:
        number = float(value) if isinstance(value, str | int | float) else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None
