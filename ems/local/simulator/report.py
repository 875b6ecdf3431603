"""The figures of ``GET /_simulator/report``, computed from the acceptance log alone."""

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from ems.local.simulator.mails import AcceptanceLog

LISTED_DUPLICATES = 100


class EventCounts:
    """What became of the events, by type: scheduled, published to the topic, posted to a subscriber, given up."""

    def __init__(self) -> None:
        self.pending: Counter[str] = Counter()
        self.published: Counter[str] = Counter()
        self.posted: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()

    def as_json(self) -> dict[str, dict[str, int]]:
        """Return the counts by event type."""
        kinds = sorted(self.pending.keys() | self.published.keys())
        return {
            kind: {
                "published": self.published[kind],
                "posted": self.posted[kind],
                "pending": self.pending[kind],
                "failed": self.failed[kind],
            }
            for kind in kinds
        }


class Ledger:
    """Everything that is counted."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Count anew. Events under way keep the :class:`EventCounts` that they began with."""
        self.log = AcceptanceLog()
        self.calls = Counter[str]()
        self.throttled_calls = 0
        self.throttled_recipients = 0
        self.events = EventCounts()

    def as_json(self, *, campaign_id: str | None = None, since: float | None = None) -> dict[str, Any]:
        """Return the report.

        Args:
            campaign_id: Only acceptances with this ``ems_campaign_id`` tag. Calls and events are always of all.
            since: Only acceptances from this time on, in epoch seconds.
        """
        to_epoch = time.time() - time.monotonic()
        times, counts = self._selected(campaign_id, since=None if since is None else since - to_epoch)
        seconds = times[-1] - times[0] if times else 0.0
        duplicates = [
            each
            for each in self.log.duplicates.values()
            if campaign_id in (None, each.campaign_id) and (since is None or each.at + to_epoch >= since)
        ]
        return {
            "accepted": sum(counts),
            "mails": len(counts),
            "first_accepted_at": times[0] + to_epoch if times else None,
            "last_accepted_at": times[-1] + to_epoch if times else None,
            "seconds": round(seconds, 3),
            "rate": round(sum(counts) / seconds, 2) if seconds else None,
            "fullest_second": fullest_second(times, counts),
            "per_second": per_second(times, counts),
            "duplicates": sum(each.times - 1 for each in duplicates),
            "duplicate_list": [
                {"ems_email_id": each.email_id, "recipient": each.recipient, "times": each.times}
                for each in duplicates[:LISTED_DUPLICATES]
            ],
            "calls": dict(self.calls),
            "throttled_calls": self.throttled_calls,
            "throttled_recipients": self.throttled_recipients,
            "events": self.events.as_json(),
        }

    def _selected(self, campaign_id: str | None, *, since: float | None) -> tuple[Sequence[float], Sequence[int]]:
        log = self.log
        if campaign_id is None and since is None:
            return log.times, log.counts
        chosen = [
            (at, count)
            for at, count, campaign in zip(log.times, log.counts, log.campaigns, strict=True)
            if campaign_id in (None, campaign) and (since is None or at >= since)
        ]
        return [at for at, _ in chosen], [count for _, count in chosen]


def fullest_second(times: Sequence[float], counts: Sequence[int]) -> int:
    """Return the most recipients that were accepted within any sliding second. *times* ascend."""
    fullest = inside = start = 0
    for at, count in zip(times, counts, strict=True):
        inside += count
        while at - times[start] >= 1.0:
            inside -= counts[start]
            start += 1
        fullest = max(fullest, inside)
    return fullest


def per_second(times: Sequence[float], counts: Sequence[int]) -> list[int]:
    """Return the recipients accepted in each second since the first acceptance."""
    if not times:
        return []
    series = [0] * (int(times[-1] - times[0]) + 1)
    for at, count in zip(times, counts, strict=True):
        series[int(at - times[0])] += count
    return series
