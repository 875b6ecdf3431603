"""Reading much in bounded memory: in pages, and from several sources at once."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import TypeVar

Item = TypeVar("Item")

READERS = 4
"""Sources read at the same time: beyond this Python parses no faster than one DynamoDB answers."""

PAGE = 250
"""Items handed over at once."""

KEYS_A_CALL = 100
"""Keys of one BatchGetItem (DynamoDB quota)."""

_WAIT_SECONDS = 0.5


def in_pages(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Yield *items* in lists of *size*; the last may be shorter."""
    left = iter(items)
    while page := list(islice(left, size)):
        yield page


def together(sources: Sequence[Iterator[Item]], *, readers: int = READERS) -> Iterator[list[Item]]:
    """Yield the items of all *sources* in pages, in no order; at most two pages a reader wait for the consumer.

    A source that fails ends the whole: its error is raised here. Leaving the loop early ends the readers.
    """
    left = iter(list(sources))
    number = min(readers, len(sources))
    pages: Queue[list[Item] | Exception | None] = Queue(maxsize=2 * number)
    stop = Event()

    def read() -> None:
        try:
            # The next of a list iterator is one step of the interpreter: no two readers get the same source.
            while (source := next(left, None)) is not None:
                for page in in_pages(source, PAGE):
                    if not _put(pages, page, stop):
                        return
        except Exception as error:  # noqa: BLE001 - whatever it is, the consumer gets it
            _put(pages, error, stop)
        finally:
            _put(pages, None, stop)

    threads = [Thread(target=read, daemon=True) for _ in range(number)]
    for thread in threads:
        thread.start()
    try:
        yield from _taken(pages, number)
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _taken(pages: "Queue[list[Item] | Exception | None]", readers: int) -> Iterator[list[Item]]:
    while readers:
        try:
            page = pages.get(timeout=_WAIT_SECONDS)
        except Empty:
            continue  # so that Ctrl-C is seen while DynamoDB is slow
        if isinstance(page, Exception):
            raise page
        if page is None:
            readers -= 1
        else:
            yield page


def _put(pages: "Queue[list[Item] | Exception | None]", page: list[Item] | Exception | None, stop: Event) -> bool:
    """Hand a page over; False when the consumer has left."""
    while not stop.is_set():
        try:
            pages.put(page, timeout=_WAIT_SECONDS)
        except Full:
            continue
        return True
    return False
