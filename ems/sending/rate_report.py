"""What GET /rate answers: the governor's line and what waits before it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, Protocol

from ems import queues
from ems.aws.sqs import Sqs
from ems.governor.minute import FRESH_SECONDS, Minute
from ems.governor.status import RateStatus
from ems.store.drain import DrainStore
from ems.store.senders import SenderReport


class Senders(Protocol):
    """What the senders report (:class:`ems.store.senders.SenderReports`)."""

    def read(self, *, newer_than: float) -> list[SenderReport]:
        """Return the reports written after *newer_than* (epoch seconds)."""


class RateReport:
    """Composes the report. *line* reads the governor, *minute* accounts for the minute of the line just read.

    *chunk_size* says how many recipients a chunk has at a limit in recipients a second, 0 where none is known.
    """

    def __init__(
        self,
        *,
        line: Callable[[], RateStatus],
        minute: Callable[[Sequence[SenderReport]], Minute],
        senders: Senders,
        sqs: Sqs,
        drain: DrainStore,
        chunk_size: Callable[[float], int],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._line = line
        self._minute = minute
        self._senders = senders
        self._clock = clock
        self._sqs = sqs
        self._drain = drain
        self._chunk_size = chunk_size

    def status(self) -> dict[str, Any]:
        """Return the fields of :class:`RateStatus` and :class:`Minute`, account limit, backlog and ETA.

        Raises:
            UnavailableError: SQS or DynamoDB cannot be reached.
        """
        line = self._line()
        backlog = self._backlog(line)
        minute = asdict(self._minute(self._senders.read(newer_than=self._clock() - FRESH_SECONDS)))
        if backlog and line.bulk_waits_for and "no_work" in minute["unused_seconds"]:
            minute["unused_seconds"][line.bulk_waits_for] = minute["unused_seconds"].pop("no_work")
        moves = line.effective_rate and not line.bulk_waits_for
        return {
            **asdict(line),
            **minute,
            "account_limit": line.limit,
            "backlog": backlog,
            "eta_seconds": round(backlog / line.effective_rate, 1) if moves else None,
        }

    def _backlog(self, line: RateStatus) -> int:
        """Estimate recipients not sent yet: waiting chunks counted full, released ones by size, and single mails."""
        memory = self._drain.read()
        waiting = self._sqs.depth(queues.WAIT).total + memory.parked
        singles = self._sqs.depth(queues.TRIGGER).total - len(memory.released)
        return waiting * self._chunk_size(line.limit or 0) + sum(one.size for one in memory.released) + max(singles, 0)
