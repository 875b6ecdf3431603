"""The notes of contents: who may pass, and what it costs to ask."""

import pytest
from fakes.aws import counted_calls
from fakes.clock import Clock
from fakes.tables import RETENTION_SECONDS, contents_of

from ems.store.contents import PREFIX, REMEMBERED, Content, ContentNotes, Note
from ems.store.tables import Tables

WINDOW = 60
NOON = 1_800_000_000.0


@pytest.fixture
def notes(tables: Tables, clock: Clock) -> ContentNotes:
    return contents_of(tables, clock)


def mail(email_id: str, seconds: float = 0.0, key: str = "k") -> Content:
    return Content(key, email_id, NOON + seconds)


def test_the_second_mail_of_a_content_repeats_the_first(notes: ContentNotes) -> None:
    assert notes.repeated([mail("a")], window_seconds=WINDOW) == {}
    assert notes.repeated([mail("b", 5)], window_seconds=WINDOW) == {"b": "a"}
    assert notes.repeated([mail("c", 5, key="other")], window_seconds=WINDOW) == {}


@pytest.mark.parametrize(("seconds", "repeated"), [(59.9, True), (60, False), (-59.9, True), (-60, False)])
def test_the_window_is_between_acceptances_in_whichever_order_senders_come_to_them(
    notes: ContentNotes, seconds: float, *, repeated: bool
) -> None:
    notes.repeated([mail("a")], window_seconds=WINDOW)
    assert notes.repeated([mail("b", seconds)], window_seconds=WINDOW) == ({"b": "a"} if repeated else {})


def test_who_has_passed_passes_again_also_after_a_later_one(notes: ContentNotes) -> None:
    for one in (mail("a"), mail("b", 90), mail("a"), mail("b", 90)):
        assert notes.repeated([one], window_seconds=WINDOW) == {}


def test_the_nearest_is_named_of_several(notes: ContentNotes) -> None:
    for one in (mail("a"), mail("b", 60)):
        notes.repeated([one], window_seconds=WINDOW)
    assert notes.repeated([mail("c", 40)], window_seconds=WINDOW) == {"c": "b"}


def test_a_chunk_costs_one_read_and_one_write_and_a_repetition_the_read_alone(
    tables: Tables, notes: ContentNotes
) -> None:
    chunk = [mail(f"a{n}", key=f"k{n}") for n in range(50)]
    again = [mail(f"b{n}", 1, key=f"k{n}") for n in range(50)]
    with counted_calls(tables.connection.client) as calls:
        assert notes.repeated(chunk, window_seconds=WINDOW) == {}
    assert calls == {"BatchGetItem": 1, "TransactWriteItems": 1}
    with counted_calls(tables.connection.client) as calls:
        assert notes.repeated(again, window_seconds=WINDOW) == {f"b{n}": f"a{n}" for n in range(50)}
    assert calls == {"BatchGetItem": 1}
    assert notes.repeated([], window_seconds=WINDOW) == {}


def test_a_note_that_another_sender_writes_meanwhile_is_read_anew(
    tables: Tables, notes: ContentNotes, clock: Clock
) -> None:
    others = iter([mail("a")])

    def clock_that_lets_another_write() -> float:
        """The time is asked for between the read and the write."""
        notes.repeated([other for other in [next(others, None)] if other], window_seconds=WINDOW)
        return clock()

    racing = ContentNotes(
        tables, retention_seconds=RETENTION_SECONDS, clock=clock_that_lets_another_write, sleep=clock.sleep
    )
    assert racing.repeated([mail("b", 1), mail("c", 1, key="other")], window_seconds=WINDOW) == {"b": "a"}
    assert notes.repeated([mail("d", 2, key="other")], window_seconds=WINDOW) == {"d": "c"}


def test_a_note_lives_for_its_window_and_as_long_as_a_mail_may_wait(
    tables: Tables, notes: ContentNotes, clock: Clock
) -> None:
    notes.repeated([mail("a")], window_seconds=WINDOW)
    expires_at = tables.notes.get(f"{PREFIX}k").expires_at
    assert expires_at.timestamp() == clock() + WINDOW + RETENTION_SECONDS


def test_a_note_forgets_the_earliest_when_it_is_full() -> None:
    note = Note({})
    for number in range(REMEMBERED + 1):
        note = note.with_mail(mail(f"e{number}", number))
    assert (len(note.passed), note.version) == (REMEMBERED, REMEMBERED + 1)
    assert note.repeated_by(mail("e0", 0), 2) == "e1"
