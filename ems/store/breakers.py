"""What the breaker knows of a campaign or of the account: since when it counts, and whether it has tripped.

A campaign's lies in its row (:mod:`ems.store.campaigns`), the account's in the item ``breaker`` of ``email-rate``,
which also names the campaigns that the breaker has paused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pynamodb.exceptions import DoesNotExist

from ems.store.failures import conditionally, translated
from ems.store.models import RateRow
from ems.store.tables import Tables

ACCOUNT_BREAKER = "breaker"

BreakerState = Literal["active", "paused_by_breaker"]
"""What the account's breaker makes of all bulk mail; in the words that campaigns have."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Mails by what became of them, each counted once in every number that it belongs to.

    ``settled`` have come to an end at the recipient's side: delivered, bounced, rejected or not rendered.
    """

    sent: int = 0
    hard_bounced: int = 0
    complained: int = 0
    settled: int = 0

    def since(self, earlier: "Tally") -> "Tally":
        """Return what came after *earlier*; never less than nothing, also where counters have expired."""
        return Tally(
            max(self.sent - earlier.sent, 0),
            max(self.hard_bounced - earlier.hard_bounced, 0),
            max(self.complained - earlier.complained, 0),
            max(self.settled - earlier.settled, 0),
        )


@dataclass(frozen=True, slots=True)
class Mark:
    """What was counted until ``at`` (epoch seconds)."""

    at: float
    tally: Tally


@dataclass(frozen=True, slots=True)
class Marks:
    """Since when is counted (``base``), and since when from the next day on (``later``)."""

    base: Mark
    later: Mark

    def json(self) -> list[list[float | int]]:
        """Return what is stored."""
        return [
            [one.at, one.tally.sent, one.tally.hard_bounced, one.tally.complained, one.tally.settled]
            for one in (self.base, self.later)
        ]


@dataclass(frozen=True, slots=True)
class AccountBreaker:
    """The account's breaker. ``changed_at`` is when it got its state, 0 before it ever had another.

    ``campaigns`` are those that the breaker has paused; some may have been resumed or deleted since.
    """

    state: BreakerState = "active"
    reason: str | None = None
    changed_at: float = 0.0
    marks: Marks | None = None
    campaigns: frozenset[str] = frozenset()

    @property
    def tripped(self) -> bool:
        """Tell whether all bulk mail waits for an operator."""
        return self.state == "paused_by_breaker"


class AccountBreakers:
    """The item of the account's breaker. Every method raises UnavailableError when DynamoDB cannot be reached."""

    def __init__(self, tables: Tables) -> None:
        self._table = tables.rate

    def read(self) -> AccountBreaker:
        """Read it, consistently."""
        with translated("cannot read the account's breaker"):
            try:
                row = self._table.get(ACCOUNT_BREAKER, consistent_read=True)
            except DoesNotExist:
                return AccountBreaker()
        return AccountBreaker(
            state="paused_by_breaker" if row.state == "paused_by_breaker" else "active",
            reason=row.state_reason,
            changed_at=float(row.updated_at or 0),
            marks=marks_of(row.marks),
            campaigns=frozenset(row.campaigns or ()),
        )

    def trip(self, reason: str, *, at: float, seen: AccountBreaker) -> bool:
        """Have all bulk mail wait; False when somebody changed the state since it was *seen*."""
        table = self._table
        return self._update(
            table.state.set("paused_by_breaker"), table.state_reason.set(reason), table.updated_at.set(at), seen=seen
        )

    def resume(self, *, at: float) -> None:
        """Let bulk mail go on, and count anew."""
        table = self._table
        self._update(
            table.state.set("active"), table.state_reason.remove(), table.updated_at.set(at), table.marks.remove()
        )

    def remember(self, marks: Marks, *, seen: AccountBreaker) -> bool:
        """Store since when is counted; False when somebody changed the state since it was *seen*."""
        return self._update(self._table.marks.set(marks.json()), seen=seen)

    def note(self, campaign_id: str) -> None:
        """Name a campaign that is about to be paused: before it is, so that none is ever paused unnamed."""
        self._update(self._table.campaigns.add({campaign_id}))

    def forget(self, campaign_id: str) -> None:
        """Leave out a campaign that is paused by the breaker no more."""
        self._update(self._table.campaigns.delete({campaign_id}))

    def _update(self, *actions: Any, seen: AccountBreaker | None = None) -> bool:
        table: type[RateRow] = self._table
        condition = None
        if seen is not None:
            unchanged = table.updated_at == seen.changed_at
            condition = unchanged if seen.changed_at else table.updated_at.does_not_exist()
        return conditionally(
            "cannot write the account's breaker",
            table(ACCOUNT_BREAKER).update,
            actions=list(actions),
            condition=condition,
        )


def marks_of(json: Sequence[Sequence[float]] | None) -> Marks | None:
    """Read what :meth:`Marks.json` wrote; None when nothing was."""
    if not json:
        return None
    base, later = (Mark(float(at), Tally(*(int(number) for number in numbers))) for at, *numbers in json)
    return Marks(base, later)
