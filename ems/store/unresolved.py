"""The chunks of which something may still become: mails in doubt, failures that may pass, possible duplicates."""

from collections.abc import Iterator
from dataclasses import dataclass

from pynamodb.exceptions import DoesNotExist

from ems.store.chunk_state import chunk_item
from ems.store.failures import translated
from ems.store.models import BatchRow
from ems.store.tables import Tables

_ATTRIBUTES = ["batch_id", "item", "doubted", "passing", "repeating"]


@dataclass(frozen=True, slots=True)
class Unresolved:
    """A chunk's mails in doubt, those that failed for a reason that may pass, and those held, by their ids in order."""

    batch_id: str
    chunk: int
    doubted: tuple[str, ...] = ()
    passing: tuple[str, ...] = ()
    repeating: tuple[str, ...] = ()


class UnresolvedChunks:
    """Reads the chunks' lists. Every method raises UnavailableError without DynamoDB."""

    def __init__(self, tables: Tables) -> None:
        self._table = tables.batches

    def of_chunk(self, batch_id: str, chunk: int) -> Unresolved:
        """Read one chunk; one without an item has nothing unresolved."""
        with translated("cannot read a chunk"):
            try:
                row = self._table.get(batch_id, chunk_item(chunk), consistent_read=True, attributes_to_get=_ATTRIBUTES)
            except DoesNotExist:
                return Unresolved(batch_id, chunk)
        return _unresolved(row)

    def of_batch(self, batch_id: str) -> Iterator[Unresolved]:
        """Read a batch's chunks that have something unresolved, in order."""
        table = self._table
        with translated("cannot read the batch's chunks"):
            for row in table.query(
                batch_id,
                table.item.startswith("chunk#"),
                table.doubted.exists() | table.passing.exists() | table.repeating.exists(),
                consistent_read=True,
                attributes_to_get=_ATTRIBUTES,
            ):
                yield _unresolved(row)


def _unresolved(row: BatchRow) -> Unresolved:
    return Unresolved(
        batch_id=row.batch_id,
        chunk=int(row.item.removeprefix("chunk#")),
        doubted=tuple(sorted(row.doubted or ())),
        passing=tuple(sorted(row.passing or ())),
        repeating=tuple(sorted(row.repeating or ())),
    )
