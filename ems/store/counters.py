"""Counters in ``email-stats``: what they count, how they are spread, and how a transaction moves them.

Every mail moves the counters of its campaign, its batch and the account, each in total and, by the time of the event,
in an hour and a minute. One key takes 1,000 writes a second, so each is spread over SHARDS keys: a writer moves those
of one shard, drawn anew for every transaction, and a reader adds all shards up.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from ems.store.models import StatsRow
from ems.store.retention import expiry

SHARDS = 32
"""So many that few of the transactions under way at a moment meet in one, and so few that one call reads them all."""

MINUTES_LIVE_SECONDS = 7 * 86_400
"""How long minutes are kept; hours and a batch's total live as long as rows, the totals of campaigns for ever."""

HOUR, MINUTE = 3_600, 60
TOTAL = "total"
LINK = "link#"

_DIGITS = 11

ScopeKind = Literal["campaign", "batch", "account"]
Step = Literal["hour", "minute"]
SECONDS: Mapping[Step, int] = {"hour": HOUR, "minute": MINUTE}


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """What mails are counted together: a campaign, a batch, or the account with an empty id."""

    kind: ScopeKind
    id: str = ""

    def key(self, shard: int) -> str:
        """Return the key of one of its shards."""
        return f"{self.kind}#{self.id}#{shard:02d}"

    def keys(self) -> list[str]:
        """Return the keys of all shards."""
        return [self.key(shard) for shard in range(SHARDS)]


ACCOUNT = Scope("account")


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Counters that move with one write: those of a scope, in ``total`` or of a time (:func:`bucket`)."""

    scope: Scope
    bucket: str = TOTAL


Counts = Mapping[Place, Mapping[str, int]]
"""Counters by place and name."""


def bucket(step: Step, at: float) -> str:
    """Name the hour or minute of *at* (epoch seconds); the names sort by time."""
    seconds = SECONDS[step]
    # A time before 1970 comes from no mail: it must not disturb the order.
    return f"{step}#{max(int(at // seconds) * seconds, 0):0{_DIGITS}d}"


def link_bucket(link: str) -> str:
    """Name the counters of a link."""
    return f"{LINK}{link}"


def bucket_start(name: str) -> int:
    """Return when the bucket of that name begins, in epoch seconds."""
    return int(name.partition("#")[2])


def total(counts: Iterable[Counts]) -> dict[Place, Counter[str]]:
    """Add counts up, place by place."""
    summed: dict[Place, Counter[str]] = {}
    for one in counts:
        for place, names in one.items():
            summed.setdefault(place, Counter()).update(names)
    return _without_zeros(summed)


def difference(after: Counts, before: Counts) -> dict[Place, Counter[str]]:
    """Return what turns *before* into *after*; some of it may be negative."""
    moved = {place: Counter(names) for place, names in after.items()}
    for place, names in before.items():
        moved.setdefault(place, Counter()).subtract(names)
    return _without_zeros(moved)


def _without_zeros(counts: Mapping[Place, Counter[str]]) -> dict[Place, Counter[str]]:
    kept = {place: Counter({name: count for name, count in names.items() if count}) for place, names in counts.items()}
    return {place: names for place, names in kept.items() if names}


def move(
    transaction: TransactWrite,
    table: type[StatsRow],
    counts: Counts,
    *,
    shard: int,
    now: float,
    retention_seconds: float,
) -> None:
    """Put the writes that add *counts* to one shard into a transaction: one for each place."""
    for place, names in sorted(counts.items()):
        actions: list[Action] = [Path([name]).add(count) for name, count in sorted(names.items())]
        actions.append(table.since.set(table.since | now))
        lives = _lifetime(place, retention_seconds)
        if lives is not None:
            actions.append(table.expires_at.set(expiry(now, lives)))
        transaction.update(table(place.scope.key(shard), place.bucket), actions=actions)


def _lifetime(place: Place, retention_seconds: float) -> float | None:
    if place.bucket.startswith("minute#"):
        return MINUTES_LIVE_SECONDS
    return None if place.bucket == TOTAL and place.scope.kind != "batch" else retention_seconds
