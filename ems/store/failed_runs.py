"""Why messages could not be worked on, run by run (notes of ``email-note``).

A worker's log tells it too, to whoever finds the worker. Kept by the id of the task, which a message keeps on its way
to the dead-letter queue and back. Holds ids and names of errors, never addresses.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ems.store.failures import translated
from ems.store.models import NoteRow
from ems.store.retention import expiry
from ems.store.tables import Tables

KEPT_SECONDS = 30 * 86_400
"""Longer than any queue keeps its message (14 days)."""

PREFIX = "failure#"


@dataclass(frozen=True, slots=True)
class FailedRun:
    """One run that failed, at an epoch second; *receive* counts the deliveries of the message, from 1."""

    at: float
    receive: int
    error: str


class FailedRuns:
    """Adds and reads. Every method raises UnavailableError when DynamoDB is out of reach. *clock*: epoch seconds."""

    def __init__(self, tables: Tables, *, clock: Callable[[], float] = time.time) -> None:
        self._table = tables.notes
        self._clock = clock

    def add(self, task_id: str, *, receive: int, error: str) -> None:
        """Note that a run of a task failed just now."""
        table, now = self._table, self._clock()
        run = [[now, receive, error]]
        with translated("cannot note why a task failed"):
            table(_key(task_id)).update(
                actions=[
                    table.failures.set((table.failures | []).append(run)),
                    table.expires_at.set(expiry(now, KEPT_SECONDS)),
                ]
            )

    def of(self, task_ids: Iterable[str]) -> dict[str, list[FailedRun]]:
        """Return the failed runs of up to 100 tasks, in their order; tasks without any are missing."""
        keys = [_key(one) for one in set(task_ids)]
        with translated("cannot read why tasks failed"):
            rows = list(self._table.batch_get(keys, consistent_read=True)) if keys else []
        return {row.note.removeprefix(PREFIX): _runs(row) for row in rows}


def _key(task_id: str) -> str:
    return f"{PREFIX}{task_id}"


def _runs(row: NoteRow) -> list[FailedRun]:
    runs: Iterable[Any] = row.failures or ()
    return [FailedRun(float(at), int(receive), str(error)) for at, receive, error in runs]
