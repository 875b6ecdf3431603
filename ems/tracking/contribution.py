"""What one mail contributes to the counters: a function of what its row keeps, and of nothing else.

A write that changes a row moves the counters by what the mail contributes afterwards less what it contributed before,
in the same transaction. So every event counts once, in whatever order and however often it comes, and the sum over all
rows is what the counters must show (`ems audit`).
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from ems.store.counters import ACCOUNT, Counts, Place, Scope, Step, bucket, link_bucket
from ems.store.facts import Facts, Tally
from ems.store.recipient_ids import batch_of
from ems.store.tracking import TrackedMail
from ems.tracking.events import ENGAGEMENT, EventType
from ems.tracking.kinds import HARD_BOUNCE, SES_UNSUBSCRIBE, SOFT_BOUNCE, type_of
from ems.tracking.readers import MACHINES, PERSON, kinds_of, links_of

_REFUSED = {EventType.REJECT.value, EventType.RENDERING_FAILURE.value, EventType.UNKNOWN.value}

OUTCOMES: Mapping[str, Callable[[str], bool]] = {
    "sent": lambda kind: type_of(kind).value not in _REFUSED,
    "delivered": lambda kind: kind == EventType.DELIVERY,
    "delayed": lambda kind: kind.startswith(EventType.DELIVERY_DELAY),
    "soft_bounced": lambda kind: kind.startswith(SOFT_BOUNCE),
    "hard_bounced": lambda kind: kind.startswith(HARD_BOUNCE),
    "complained": lambda kind: kind.startswith(EventType.COMPLAINT),
    "rejected": lambda kind: kind == EventType.REJECT,
    "rendering_failed": lambda kind: kind == EventType.RENDERING_FAILURE,
    "opened": lambda kind: kind == f"{EventType.OPEN}:{PERSON}",
    "clicked": lambda kind: kind == f"{EventType.CLICK}:{PERSON}",
    "opened_by_machine": lambda kind: kind in {f"{EventType.OPEN}:{machine}" for machine in MACHINES},
    "clicked_by_machine": lambda kind: kind in {f"{EventType.CLICK}:{machine}" for machine in MACHINES},
    "unsubscribed": lambda kind: kind in {EventType.UNSUBSCRIBE, SES_UNSUBSCRIBE},
}
"""What a mail counts as, once, and the kinds of events of which one is enough.

``sent``: whatever proves that SES took the mail, since a Send event may be late or not subscribed to.
"""

GROWTH = 1.1
"""Ratio of the bounds of two neighbouring classes of delivery times."""

EVENTS_PREFIX = "events:"
"""Before the kind of an event, in the name of the counter of all such events."""

MAILS_PREFIX = "mails:"
"""Before the kind of an open or click: the mails that had one."""

_CLASS_PREFIX = "delivered_in:"

_SERIES: Mapping[str, tuple[Step, ...]] = {
    "campaign": ("hour", "minute"),
    "batch": ("hour", "minute"),
    "account": ("hour",),
}


def contribution(mail: TrackedMail) -> Counts:
    """Return what *mail* adds to every counter; nothing for a row that is in no count yet."""
    facts = mail.facts
    if facts is None:
        return {}
    kinds = kinds_of(facts)
    total, outcomes, links = _total(facts, kinds), _outcomes(kinds), links_of(facts)
    counts: dict[Place, Counter[str]] = {}
    for scope in scopes_of(mail.email_id, facts):
        counts[Place(scope)] = total
        for step in _SERIES[scope.kind]:
            for name, first in outcomes.items():
                counts.setdefault(Place(scope, bucket(step, first)), Counter())[name] = 1
        if scope != ACCOUNT:
            counts |= {Place(scope, link_bucket(link)): clicks for link, clicks in links.items()}
    return counts


def counted(facts: Facts) -> Counter[str]:
    """Return what a mail adds to the total of each of its scopes."""
    return _total(facts, kinds_of(facts))


def _total(facts: Facts, kinds: Mapping[str, Tally]) -> Counter[str]:
    total = Counter(_outcomes(kinds).keys())
    for kind, tally in kinds.items():
        total[f"{EVENTS_PREFIX}{kind}"] = tally.number
        if type_of(kind) in ENGAGEMENT:
            total[f"{MAILS_PREFIX}{kind}"] = 1
    if facts.delivery_ms is not None:
        total[f"{_CLASS_PREFIX}{time_class(facts.delivery_ms)}"] = 1
    return total


def scopes_of(email_id: str, facts: Facts) -> Iterator[Scope]:
    """Yield what a mail is counted in: the account, its campaign and its batch."""
    yield ACCOUNT
    if facts.campaign_id is not None:
        yield Scope("campaign", facts.campaign_id)
    # By its id and not by its row, which an event may have created before the sender named the batch.
    batch_id = batch_of(email_id, None)
    if batch_id is not None:
        yield Scope("batch", batch_id)


def time_class(milliseconds: float) -> int:
    """Return the class of a time to delivery: the n with GROWTH ** (n - 1) < milliseconds <= GROWTH ** n.

    Classes that grow by a ratio keep the relative error of every quantile the same, whatever the times (Masson, Rim
    and Lee, *DDSketch*, VLDB 2019): :func:`quantile` is off by at most 5 %.
    """
    return max(0, math.ceil(math.log(max(milliseconds, 1.0), GROWTH)))


def timed(counts: Mapping[str, int]) -> int:
    """Return the number of mails whose time to delivery is known."""
    return sum(_classes(counts).values())


def quantile(counts: Mapping[str, int], share: float) -> float | None:
    """Return the time to delivery, in seconds, that *share* of the mails did not exceed; None when none is known.

    At most 5 % off: the middle of the class in which the mail of that rank lies.
    """
    classes = _classes(counts)
    rank = max(math.ceil(share * sum(classes.values())), 1)
    for number in sorted(classes):
        rank -= classes[number]
        if rank <= 0:
            return float(2 * GROWTH**number / (1 + GROWTH) / 1000)
    return None


def _classes(counts: Mapping[str, int]) -> dict[int, int]:
    return {
        int(name.removeprefix(_CLASS_PREFIX)): number
        for name, number in counts.items()
        if name.startswith(_CLASS_PREFIX)
    }


def _outcomes(kinds: Mapping[str, Tally]) -> dict[str, float]:
    """Return what the mail counts as, each with the time of the first event that says so."""
    found: dict[str, float] = {}
    for kind, tally in kinds.items():
        for outcome, is_one in OUTCOMES.items():
            if is_one(kind):
                found[outcome] = min(tally.first, found.get(outcome, tally.first))
    return found
