"""The last minute of the line: how it was used, how calls waited, and why time on it was not used."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ems.governor.line import THROTTLE_CUT, effective_rate, limit_of
from ems.governor.policy import Policy
from ems.governor.watch import LANES, MINUTE
from ems.store.rate_item import SECOND, Line
from ems.store.senders import LaneWaits, SenderReport

REPORT_SECONDS = 4.0
"""How often a sender reports."""

FRESH_SECONDS = 15.0
"""A sender that has not reported for so long has ended, or cannot reach DynamoDB."""

LAG_SECONDS = 5
"""The minute that is accounted for ends this long ago, when every sender has reported on it; the ring reaches back so
far, with the longest horizon booked ahead."""

Unused = Literal["no_work", "no_grant", "throttled", "late", "quota", "account"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneTotals:
    """How a lane's calls waited in the last minute, all processes together: from asking until their slot."""

    calls: int
    mean_seconds: float | None
    longest_seconds: float
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Minute:
    """What the senders' reports and the line's own counts of each second say together.

    Attributes:
        senders: The processes that reported lately.
        lanes: By lane.
        refused: Leases that were refused, by reason (:mod:`ems.governor.errors`).
        lease_requests: Requests to DynamoDB for slots; one books for several calls when several wait.
        unused_seconds: Of 60 seconds of the line at its full rate, those that sent nothing, by reason:

            - ``no_work``: no call waited for a slot.
            - ``throttled``: calls waited, and the rate was lower because SES had throttled.
            - ``no_grant``: calls waited and no slot was booked: the store was slow, or out of reach.
            - ``late``: a slot was booked and missed.

            ``quota`` and ``account`` stand instead of ``no_work`` where work waits for these. Empty while no limit is
            known.
    """

    senders: tuple[SenderReport, ...]
    lanes: dict[str, LaneTotals]
    refused: dict[str, int]
    lease_requests: int
    unused_seconds: dict[Unused, float]


def account(line: Line, reports: Sequence[SenderReport], *, now: int, policy: Policy) -> Minute:
    """Lay the *reports* beside the *line*, as both stand at *now* (microseconds)."""
    return Minute(
        senders=tuple(reports),
        lanes={lane: _totals([one.lanes[lane] for one in reports if lane in one.lanes]) for lane in LANES},
        refused=dict(sum((Counter(one.refused) for one in reports), Counter[str]())),
        lease_requests=sum(one.requests for one in reports),
        unused_seconds=_unused(line, reports, now=now, policy=policy),
    )


def _totals(waits: Sequence[LaneWaits]) -> LaneTotals:
    calls = sum(one.calls for one in waits)
    return LaneTotals(
        calls=calls,
        mean_seconds=round(sum(one.seconds for one in waits) / calls, 3) if calls else None,
        longest_seconds=max((one.longest_seconds for one in waits), default=0.0),
        waiting=sum(one.waiting for one in waits),
    )


def _unused(line: Line, reports: Sequence[SenderReport], *, now: int, policy: Policy) -> dict[Unused, float]:
    """Account for each second of the minute: what could have been sent while a call waited, and was not, had a cause.

    A second in which calls waited for a share *a* of it could have used that share; what it used beyond was booked by
    calls that did not have to wait.
    """
    full = limit_of(line, policy) * (1 - policy.headroom) / 1000
    if not full:
        return {}
    used_in_all = no_grant = throttled = 0.0
    newest = now // SECOND - 1 - LAG_SECONDS
    for second in range(newest - MINUTE + 1, newest + 1):
        used = min(1.0, line.granted_in(second) / full)
        wanted = max((one.asking_in(second) for one in reports), default=0.0)
        lacking = max(0.0, wanted - used)
        of_throttles = min(lacking, 1 - _rate_in(line, second, policy=policy) / full)
        used_in_all += used
        throttled += of_throttles
        no_grant += lacking - of_throttles
    late = min(used_in_all, sum(one.missed for one in reports) / full)
    no_work = MINUTE - used_in_all - throttled - no_grant
    unused: dict[Unused, float] = {"no_work": no_work, "no_grant": no_grant, "throttled": throttled, "late": late}
    return {why: round(max(0.0, seconds), 2) for why, seconds in unused.items()}


def _rate_in(line: Line, second: int, *, policy: Policy) -> float:
    """Return the rate in force in *second*; before the last throttle, of which alone the line knows, the rate then."""
    if line.penalty_at and second * SECOND < line.penalty_at:
        return min(limit_of(line, policy) * (1 - policy.headroom), line.penalty_rate / THROTTLE_CUT) / 1000
    return effective_rate(line, now=second * SECOND, policy=policy) / 1000
