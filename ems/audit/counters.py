"""The counters against the rows: a recount must come to what they show."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

from ems.audit.findings import Break, Kind
from ems.store.audit_entries import MailEntry
from ems.store.counters import Scope
from ems.store.stats import StatsStore
from ems.tracking.contribution import counted, scopes_of

LOOKS = 3
"""Recounts of what does not agree; the index of a campaign's rows lags behind them by moments."""

WAIT_SECONDS = 1.0
NAMED = 5


class Recounted:
    """Sums over rows, of the counters' scopes that *covers* says the rows are all of."""

    def __init__(self, covers: Callable[[Scope], bool], *named: Scope) -> None:
        self._covers = covers
        self.totals: dict[Scope, Counter[str]] = defaultdict(Counter) | {scope: Counter() for scope in named}
        self.uncounted = 0
        """Mails with events, all of a release before the counters."""

    def add(self, mail: MailEntry) -> None:
        """Count a mail in."""
        if mail.facts is None:
            self.uncounted += bool(mail.moments)
            return
        for scope in scopes_of(mail.email_id, mail.facts):
            if self._covers(scope):
                self.totals[scope].update(counted(mail.facts))


class CounterAudit:
    """Compares. *recent* (epoch seconds): rows of counters that are older may have expired."""

    def __init__(self, counters: StatsStore, *, recent: float, sleep: Callable[[float], None] = time.sleep) -> None:
        self._counters = counters
        self._recent = recent
        self._sleep = sleep
        self.notes: list[str] = []

    def breaks(self, first: Recounted, again: Callable[[], Recounted]) -> Iterator[Break]:
        """Yield a break for each scope whose counters do not agree with the rows.

        Args:
            first: What the first look at the rows came to.
            again: Recounts all rows, for the scopes that do not agree then.
        """
        if first.uncounted:
            self.notes.append(f"{first.uncounted} mails are in no statistic: an earlier release tracked them")
        suspects = [scope for scope in sorted(first.totals) if self._differs(scope, first)]
        moving: list[Scope] = []
        rows = first
        for _look in range(LOOKS if suspects else 0):
            self._sleep(WAIT_SECONDS)
            before = {scope: self._counted(scope) for scope in suspects}
            rows = again()
            moving = [scope for scope in suspects if self._counted(scope) != before[scope]]
            suspects = [scope for scope in suspects if scope in moving or self._differs(scope, rows)]
        self.notes += [f"events of {told(scope)} come in: audit its statistics later" for scope in moving]
        for scope in suspects:
            if scope not in moving:
                yield self._break(scope, rows)

    def _differs(self, scope: Scope, rows: Recounted) -> bool:
        totals = self._counters.total(scope)
        if totals.since is not None and totals.since < self._recent:
            note = f"the statistics of {told(scope)} reach back further than its records: not recounted"
            if note not in self.notes:
                self.notes.append(note)
            return False
        return Counter(totals.counts) != rows.totals[scope]

    def _counted(self, scope: Scope) -> Counter[str]:
        return Counter(self._counters.total(scope).counts)

    def _break(self, scope: Scope, rows: Recounted) -> Break:
        shown, found = self._counted(scope), rows.totals[scope]
        names = sorted(name for name in {*shown, *found} if shown[name] != found[name])
        what = ", ".join(f"{name} {shown[name]} instead of {found[name]}" for name in names[:NAMED])
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        return Break(Kind.COUNTERS, told(scope), f"its statistics say {what}{more}")


def told(scope: Scope) -> str:
    """Name a scope for people."""
    return f"{scope.kind} {scope.id}" if scope.id else f"the {scope.kind}"
