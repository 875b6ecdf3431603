"""The queues against the records.

Whatever the records call waiting has at least one message at every moment, since a copy is sent before a message is
deleted. So fewer messages than there are mails and chunks waiting prove a loss without touching a message.
"""

from collections.abc import Callable, Iterator

from ems.audit.books import Books
from ems.audit.findings import Break, Kind
from ems.audit.queue_reads import QueueReads
from ems.audit.queued import QueuedMessage
from ems.audit.standing import UNFINISHED, Standing

LOOKS = 3
PAUSE_SECONDS = 5.0
"""A shortage must be seen this often, this far apart: SQS's counts are approximate for a while after a change."""


class QueueAudit:
    """Compares queues and records. *sleep* waits between two looks."""

    def __init__(self, reads: QueueReads, standing: Standing, *, sleep: Callable[[float], None]) -> None:
        self._reads = reads
        self._standing = standing
        self._sleep = sleep

    def dead_letters(self, *, holds: Callable[[QueuedMessage], bool]) -> Iterator[Break]:
        """Yield a break for each dead letter that *holds* says is to be told: none gets anywhere by itself."""
        for message in filter(holds, self._reads.dead_letters()):
            standing = self._standing.of(message)
            stuck = standing is None or standing in UNFINISHED
            kind = Kind.DEAD_LETTER if stuck else Kind.STALE_MESSAGE
            yield Break(kind, message.message_id, _told(message, standing))

    def lost(self, books: Books) -> Iterator[Break]:
        """Yield what waits in vain, as far as the numbers of messages prove it; touches no message."""
        if books.number_waiting() > self._reads.live() + self._reads.dead():
            yield from self._short(books, lambda: self._reads.live() + self._reads.dead())

    def looked_up(self, books: Books, *, holds: Callable[[QueuedMessage], bool]) -> Iterator[Break]:
        """Look at the messages themselves: yield those whose record is final, and whatever waits without any."""
        for message in self._reads.live_messages():
            if message.about is not None and not books.has_message(message.about) and holds(message):
                standing = self._standing.of(message)
                if standing not in UNFINISHED:
                    yield Break(Kind.STALE_MESSAGE, message.message_id, _told(message, standing))
        for message in self._reads.dead_letters():
            if message.about is not None:
                books.has_message(message.about)
        yield from self._short(books, self._reads.unseen)

    def passing(self, books: Books) -> Iterator[str]:
        """Say what is off and passes by itself."""
        events = self._reads.events()
        if events:
            yield f"{events} messages with SES events are still to be counted"
        copies = self._reads.live() - books.number_waiting()
        if copies > 0:
            yield f"the queues hold {copies} messages more than mails and chunks wait: copies"

    def _short(self, books: Books, messages: Callable[[], int]) -> Iterator[Break]:
        """Name all that waits in vain if there is no message at all, else tell how many messages are short."""
        waiting = short = 0
        for look in range(LOOKS):
            if look:
                self._sleep(PAUSE_SECONDS)
            books.keep_waiting(self._standing.still_waiting)
            number = messages()
            # Whoever waited both before and after had a message at the moment when the messages were counted.
            waiting = books.keep_waiting(self._standing.still_waiting)
            short = waiting - number
            if short <= 0:
                return
        if short < waiting:
            what = f"{short} of {waiting} mails and chunks that wait have no message; this is the first of them all"
            first = str(next(books.waiting()))
            yield Break(Kind.LOST, first, f"{what}, and --queues names those while nothing is sent")
            return
        for one in books.waiting():
            if one.undecided:
                yield Break(Kind.UNDECIDED, str(one), "is unresolved, and has neither a message nor a payload")
            else:
                yield Break(Kind.LOST, str(one), "waits to be sent, and no queue holds a message of it")


def _told(message: QueuedMessage, standing: str | None) -> str:
    return f"a message of {message.queue} about {message}, which the records call {standing or 'nothing'}"
