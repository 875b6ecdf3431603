"""What GET /rate answers: the governor's line and what waits before it."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from ems import queues
from ems.aws.sqs import Sqs
from ems.governor.status import RateStatus
from ems.sending.payloads import CHUNK_RECIPIENTS
from ems.store.drain import DrainStore


class RateReport:
    """Composes the report. *line* reads the governor."""

    def __init__(self, *, line: Callable[[], RateStatus], sqs: Sqs, drain: DrainStore) -> None:
        self._line = line
        self._sqs = sqs
        self._drain = drain

    def status(self) -> dict[str, Any]:
        """Return the governor's fields (see :class:`RateStatus`) with ``account_limit``, ``backlog``, ``eta_seconds``.

        Raises:
            UnavailableError: SQS or DynamoDB cannot be reached.
        """
        line = self._line()
        backlog = self._backlog()
        return {
            **asdict(line),
            "account_limit": line.limit,
            "backlog": backlog,
            "eta_seconds": round(backlog / line.effective_rate, 1) if line.effective_rate else None,
        }

    def _backlog(self) -> int:
        """Estimate recipients not sent yet: waiting chunks counted full, released ones by size, and single mails."""
        waiting = self._sqs.depth(queues.WAIT).total
        released = self._drain.read()
        singles = self._sqs.depth(queues.TRIGGER).total - len(released)
        return waiting * CHUNK_RECIPIENTS + sum(one.size for one in released) + max(singles, 0)
