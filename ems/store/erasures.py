"""Erasures and how far they are (notes of ``email-note``).

A note names the address for as long as there is something left to do, and then no more. Which erasures are under way
stands in a note of its own, since notes are found by their key alone.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from pynamodb.exceptions import DoesNotExist

from ems.store.failures import conditionally, translated
from ems.store.models import NoteRow
from ems.store.retention import expiry
from ems.store.tables import Tables

PREFIX = "erasure#"

OPEN_NOTE = "erasures"


@dataclass(frozen=True, slots=True)
class Erasure:
    """One person's erasure. Times are epoch seconds.

    Attributes:
        erasure_id: A keyed hash of the address: the same however often somebody is erased.
        address: In lower case; None once all is done.
        erased_at: What was accepted until then is erased.
        look_again_at: From then on nothing writes the address that a process had in hand.
        round: 1, then 2 when it looks again, 3 when all is done.
        place: How many places of this round are done.
        cursor: Where it goes on in the next place; None at its start.
        mails: Mails whose record was rid of the address.
        payloads: Messages at rest that were so.
        read: Records that were read for that.
        done_at: When all was done.
        problem: What keeps it from going on, if anything does; it tries again by itself.
        lease_until: Until then it is in some process's hands.
        version: Guards its read-modify-write.
    """

    erasure_id: str
    address: str | None = field(repr=False)
    erased_at: float
    look_again_at: float
    round: int = 1
    place: int = 0
    cursor: str | None = field(default=None, repr=False)
    mails: int = 0
    payloads: int = 0
    read: int = 0
    done_at: float | None = None
    problem: str | None = None
    lease_until: float = 0.0
    version: int = 0


class Erasures:
    """Keeps them. Every method raises UnavailableError without DynamoDB. *clock* gives epoch seconds."""

    def __init__(self, tables: Tables, *, retention_seconds: float, clock: Callable[[], float] = time.time) -> None:
        self._table = tables.notes
        self._retention = retention_seconds
        self._clock = clock

    def get(self, erasure_id: str) -> Erasure | None:
        """Read one, consistently; None when there is none."""
        with translated("cannot read an erasure"):
            try:
                row = self._table.get(PREFIX + erasure_id, consistent_read=True)
            except DoesNotExist:
                return None
        kept: dict[str, Any] = row.erasure
        return Erasure(**kept, version=int(row.version))

    def begin(self, erasure: Erasure) -> Erasure:
        """Write a new one, or the same person's over an earlier one, and list it as under way.

        Listed first: a crash between the two leaves an id without a note, which :meth:`close` forgets.
        """
        table = self._table
        with translated("cannot begin an erasure"):
            table(OPEN_NOTE).update(actions=[table.open.add({erasure.erasure_id}), table.at.set(erasure.erased_at)])
        while True:
            seen = self.get(erasure.erasure_id)
            begun = self.save(replace(erasure, version=seen.version if seen else 0))
            if begun is not None:
                return begun

    def save(self, erasure: Erasure) -> Erasure | None:
        """Write one over the version that was read; None when somebody else has written it since."""
        table = self._table
        after = replace(erasure, version=erasure.version + 1)
        kept = {name: value for name, value in asdict(after).items() if name != "version"}
        row = table(PREFIX + erasure.erasure_id, erasure=kept, version=after.version)
        row.expires_at = expiry(self._clock(), self._retention)
        unchanged = table.version == erasure.version if erasure.version else table.note.does_not_exist()
        return after if conditionally("cannot note an erasure", row.save, condition=unchanged) else None

    def under_way(self) -> list[str]:
        """Name those of which something is left to do."""
        row = self._all()
        return [] if row is None else sorted(row.open or ())

    def last_erased_at(self) -> float | None:
        """Return when the last of them began, in epoch seconds; None when there never was one."""
        row = self._all()
        return None if row is None or row.at is None else float(row.at)

    def _all(self) -> NoteRow | None:
        with translated("cannot list erasures"):
            try:
                return self._table.get(OPEN_NOTE, consistent_read=True)
            except DoesNotExist:
                return None

    def close(self, erasure_id: str) -> None:
        """List one no more."""
        table = self._table
        with translated("cannot close an erasure"):
            table(OPEN_NOTE).update(actions=[table.open.delete({erasure_id})])
