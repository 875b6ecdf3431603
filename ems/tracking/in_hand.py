"""One thread of a process at a time reads and writes a mail.

The condition of the write makes events of one mail exact, whoever applies them. A thread that loses the race for it
reads and writes again, and in a busy worker, where a mail's Send and Delivery come within a second, one in five did.
"""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from threading import Lock
from zlib import crc32

STRIPES = 256
"""Locks for all mails: so many that two groups of ten in hand seldom share one by chance."""


class InHand:
    """The mails that threads of this process have in hand."""

    def __init__(self) -> None:
        self._locks = [Lock() for _ in range(STRIPES)]

    @contextmanager
    def hold(self, email_ids: Iterable[str]) -> Iterator[None]:
        """Wait until nobody else holds any of *email_ids*, and hold them: in one order, against deadlocks."""
        with ExitStack() as held:
            for stripe in sorted({crc32(email_id.encode()) % STRIPES for email_id in email_ids}):
                held.enter_context(self._locks[stripe])
            yield
