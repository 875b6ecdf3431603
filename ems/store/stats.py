"""Reading the counters of ``email-stats``.

What :mod:`ems.tracking.contribution` says of the names holds here: a mail counts once in ``sent``, ``delivered``,
``hard_bounced`` and their kind, however many events say so.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from pynamodb.expressions.condition import Condition

from ems.store.counters import ACCOUNT, LINK, SECONDS, TOTAL, Scope, Step, bucket, bucket_start
from ems.store.failures import translated
from ems.store.parallel import KEYS_A_CALL, in_pages, together
from ems.store.tables import Tables

_DECLARED = frozenset({"shard", "bucket", "since", "expires_at"})

LINKS_READ = 500

Item = Mapping[str, Mapping[str, Any]]
"""An item as DynamoDB gives it: attributes by name, each with its type."""


@dataclass(frozen=True, slots=True)
class Totals:
    """Counters by name. ``since`` is when the first of them moved (epoch seconds), None when none has."""

    counts: Mapping[str, int] = field(default_factory=Counter)
    since: float | None = None

    @property
    def sent(self) -> int:
        """Return the mails that SES took."""
        return self.counts.get("sent", 0)

    @property
    def hard_bounced(self) -> int:
        """Return the mails whose address is not worth another try."""
        return self.counts.get("hard_bounced", 0)

    @property
    def complained(self) -> int:
        """Return the mails that somebody called spam."""
        return self.counts.get("complained", 0)


class StatsStore:
    """The counters. Every method raises UnavailableError when DynamoDB cannot be reached."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._table = tables.stats.Meta.table_name

    def check(self) -> None:
        """Find the table."""
        with translated("cannot read statistics"):
            self._tables.connection.get_item(self._table, ACCOUNT.key(0), TOTAL)

    def total(self, scope: Scope) -> Totals:
        """Read all that was ever counted in *scope*, consistently: one call."""
        return _summed(self._items([(key, TOTAL) for key in scope.keys()]))  # noqa: SIM118 - no mapping

    def lately(self, scope: Scope, *, now: float, hours: int) -> Totals:
        """Read what happened in the hour of *now* (epoch seconds) and the *hours* - 1 before it, consistently.

        One call for each three hours.
        """
        names = [bucket("hour", now - past * SECONDS["hour"]) for past in range(hours)]
        return _summed(self._items([(key, name) for name in names for key in scope.keys()]))  # noqa: SIM118 - no mapping

    def series(self, scope: Scope, step: Step, *, start: float, end: float) -> dict[int, Counter[str]]:
        """Read counters by the beginning of their hour or minute, from that of *start* to before *end*.

        Times are in epoch seconds. Only those in which something happened are there; events of the last moments may be
        missing, since the index of shards is read eventually consistently.
        """
        first, last = bucket(step, start), bucket(step, max(end - 1, start))
        between = self._tables.stats.bucket.between(first, last)
        found: dict[int, Counter[str]] = {}
        for page in together([self._those(key, between) for key in scope.keys()]):  # noqa: SIM118 - no mapping
            for item in page:
                found.setdefault(bucket_start(item["bucket"]["S"]), Counter()).update(_counters(item))
        return dict(sorted(found.items()))

    def links(self, scope: Scope) -> dict[str, Counter[str]]:
        """Read the clicks by link, at most LINKS_READ items of each shard.

        Where every recipient has links of their own there may be more; whoever needs all exports the mails.
        """
        found: dict[str, Counter[str]] = {}
        of_links = self._tables.stats.bucket.startswith(LINK)
        sources = [islice(self._those(key, of_links), LINKS_READ) for key in scope.keys()]  # noqa: SIM118 - no mapping
        for page in together(sources):
            for item in page:
                found.setdefault(item["bucket"]["S"].removeprefix(LINK), Counter()).update(_counters(item))
        return found

    def _those(self, key: str, condition: Condition) -> Iterator[Item]:
        start = None
        while True:
            with translated("cannot read statistics"):
                answer = self._tables.connection.query(
                    self._table, key, range_key_condition=condition, exclusive_start_key=start
                )
            yield from answer["Items"]
            start = answer.get("LastEvaluatedKey")
            if start is None:
                return

    def _items(self, keys: Sequence[tuple[str, str]]) -> Iterator[Item]:
        for page in in_pages(keys, KEYS_A_CALL):
            wanted: list[Any] = [{"shard": {"S": shard}, "bucket": {"S": name}} for shard, name in page]
            while wanted:
                with translated("cannot read statistics"):
                    answer = self._tables.connection.batch_get_item(self._table, wanted, consistent_read=True)
                yield from answer["Responses"].get(self._table, ())
                wanted = answer.get("UnprocessedKeys", {}).get(self._table, {}).get("Keys", [])


def _summed(items: Iterable[Item]) -> Totals:
    counts: Counter[str] = Counter()
    since: list[float] = []
    for item in items:
        counts.update(_counters(item))
        since.append(float(item["since"]["N"]))
    return Totals(counts, min(since, default=None))


def _counters(item: Item) -> dict[str, int]:
    return {name: int(value["N"]) for name, value in item.items() if name not in _DECLARED}
