"""What waits, in more pages than one."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import pytest

from ems.audit.books import Books
from ems.audit.queued import Waiting

CHUNKS = 25_000


@pytest.fixture
def many() -> Iterator[Books]:
    with Books() as books:
        books.complete()
        books.add_waiting("ba-1", range(CHUNKS))
        yield books


def even(waiting: Iterable[Waiting]) -> Iterator[Waiting]:
    return (replace(one, undecided=True) for one in waiting if one.chunk is not None and one.chunk % 2 == 0)


def test_what_waits_no_more_is_forgotten_to_the_last_page(many: Books) -> None:
    assert many.keep_waiting(even) == CHUNKS // 2
    left = list(many.waiting())
    assert [one.chunk for one in left] == list(range(0, CHUNKS, 2))
    assert all(one.undecided for one in left)


def test_what_has_a_message_is_neither_asked_about_nor_told(many: Books) -> None:
    assert all(many.has_message(Waiting(batch_id="ba-1", chunk=number)) for number in range(1, CHUNKS))
    asked: list[Waiting] = []
    many.keep_waiting(lambda page: asked.extend(page) or page)
    assert asked == list(many.waiting()) == [Waiting(batch_id="ba-1", chunk=0)]
