"""Payloads that are kept because their mails may be sent again, or after all.

Of single mails and chunks that are held, in doubt or as possible duplicates, and of chunks with failures that may pass.
Written only then; everything else has its payload in queue messages alone.
"""

import time
from collections.abc import Callable, Iterator

from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.condition import Condition

from ems.store.failures import translated
from ems.store.retention import expiry
from ems.store.tables import Tables

REGISTRY = "#kept"
"""Key of the single mails that are kept, with their payload, and of the batches with kept chunks, without."""


class Kept:
    """Message bodies by mail or chunk; they leave by TTL. Every method raises UnavailableError without DynamoDB."""

    def __init__(self, tables: Tables, *, retention_seconds: float, clock: Callable[[], float] = time.time) -> None:
        self._table = tables.batches
        self._retention = retention_seconds
        self._clock = clock

    def keep_mail(self, email_id: str, body: str) -> None:
        """Keep a single mail's message. Twice does no harm."""
        self._put(REGISTRY, email_id, body)

    def keep_chunk(self, batch_id: str, chunk: int, body: str) -> None:
        """Keep a chunk's message. The registry entry comes last: whoever finds it finds the chunk."""
        self._put(batch_id, _item(chunk), body)
        self._put(REGISTRY, batch_id, None)

    def mail(self, email_id: str) -> str | None:
        """Read a single mail's message; None when it is not kept."""
        return self._get(REGISTRY, email_id)

    def chunk(self, batch_id: str, chunk: int) -> str | None:
        """Read a chunk's message; None when it is not kept."""
        return self._get(batch_id, _item(chunk))

    def mails(self) -> Iterator[str]:
        """Name the single mails that are kept, also those that have been resolved since."""
        return self._registered(self._table.payload.exists())

    def batches(self) -> Iterator[str]:
        """Name the batches with kept chunks."""
        return self._registered(self._table.payload.does_not_exist())

    def _registered(self, condition: Condition) -> Iterator[str]:
        with translated("cannot list what is kept"):
            for row in self._table.query(REGISTRY, None, condition, attributes_to_get=["batch_id", "item"]):
                yield row.item

    def _put(self, key: str, item: str, body: str | None) -> None:
        with translated("cannot keep a payload"):
            self._table(key, item, payload=body, expires_at=expiry(self._clock(), self._retention)).save()

    def _get(self, key: str, item: str) -> str | None:
        with translated("cannot read a kept payload"):
            try:
                row = self._table.get(key, item, consistent_read=True)
            except DoesNotExist:
                return None
        return row.payload


def _item(chunk: int) -> str:
    return f"kept#{chunk:06d}"
