"""The feed holds what was written, once and in order, and readers find it by their position alone."""

import pytest
from fakes.clock import Clock
from fakes.feed import KEEP_SECONDS, add, an_event, feed_of
from pynamodb.exceptions import TransactWriteError
from pynamodb.transactions import TransactWrite

from ems.errors import InvalidError
from ems.store import feed as feeds
from ems.store.failures import has_failed_condition
from ems.store.feed import HEAD, LANES, PAGE_EVENTS, Feed, lane_key
from ems.store.feed_reader import LOST_AFTER_SECONDS, FeedReader, PlacedEvent, Position
from ems.store.tables import Tables


@pytest.fixture
def reader(tables: Tables, clock: Clock) -> FeedReader:
    return FeedReader(tables, clock=clock)


def numbers(events: tuple[PlacedEvent, ...]) -> list[int]:
    return [int(one.event.email_id.removeprefix("mail-")) for one in events]


def walk(reader: FeedReader, position: Position, *, limit: int) -> list[int]:
    found: list[int] = []
    while (stretch := reader.read(position, limit=limit)).events:
        assert len(stretch.events) <= limit
        found += numbers(stretch.events)
        position = stretch.position
    assert not stretch.more
    return found


def test_events_come_back_as_they_were_written(tables: Tables, clock: Clock, reader: FeedReader) -> None:
    add(tables, feed_of(tables, clock), an_event(1), an_event(2, campaign_id=None))
    stretch = reader.read(Position(), limit=10)
    assert [one.event for one in stretch.events] == [an_event(1), an_event(2, campaign_id=None)]
    assert {one.added_at for one in stretch.events} == {clock()}
    assert not stretch.more
    assert reader.read(stretch.position, limit=10).events == ()
    assert reader.end() == stretch.position


@pytest.mark.parametrize("limit", [1, 2, 7, 200])
def test_pages_of_any_length_are_walked_once_and_in_order(
    tables: Tables, clock: Clock, reader: FeedReader, limit: int
) -> None:
    feed, written = feed_of(tables, clock, lanes=[0, 1, 2]), 0
    for size in (1, 3, PAGE_EVENTS + 2, 1, 10):
        add(tables, feed, *(an_event(written + n) for n in range(size)))
        written += size
        clock.advance(1)
    assert walk(reader, Position(), limit=limit) == list(range(written))


def test_lanes_stand_side_by_side_by_the_time_of_writing(tables: Tables, clock: Clock, reader: FeedReader) -> None:
    feeds_of_two = [feed_of(tables, clock, lanes=[0]), feed_of(tables, clock, lanes=[1])]
    for number in range(8):
        add(tables, feeds_of_two[number % 2], an_event(number))
        clock.advance(1)
    assert walk(reader, Position(), limit=3) == list(range(8))


def test_no_event_comes_to_lie_before_one_that_was_read_though_its_writer_began_earlier(
    tables: Tables, clock: Clock, reader: FeedReader
) -> None:
    slow, fast = feed_of(tables, clock, lanes=[0]), feed_of(tables, clock, lanes=[1])
    with slow.turn() as turn, TransactWrite(connection=tables.connection) as transaction:
        turn.add(transaction, [an_event(1)])
        clock.advance(30)
        add(tables, fast, an_event(2))
        before = reader.read(Position(), limit=10)
        assert numbers(before.events) == [2]
    assert numbers(reader.read(before.position, limit=10).events) == [1]


def test_the_second_of_two_writers_in_one_lane_writes_nothing_and_then_behind_the_first(
    tables: Tables, clock: Clock, reader: FeedReader
) -> None:
    one, other = feed_of(tables, clock, lanes=[3]), feed_of(tables, clock, lanes=[3])
    add(tables, one, an_event(1))
    add(tables, other, an_event(2))
    with pytest.raises(TransactWriteError) as refused:
        add(tables, one, an_event(3))
    assert has_failed_condition(refused.value)
    add(tables, one, an_event(3))
    assert walk(reader, Position(), limit=10) == [1, 2, 3]


def test_who_lost_a_lane_to_another_process_goes_on_in_another_lane(tables: Tables, clock: Clock) -> None:
    one, other = feed_of(tables, clock, lanes=[5, 4]), feed_of(tables, clock, lanes=[4])
    add(tables, one, an_event(1))
    add(tables, other, an_event(2))
    with pytest.raises(TransactWriteError):
        add(tables, one, an_event(3))
    add(tables, one, an_event(3))
    assert tables.feed.get(lane_key(5), HEAD).length == 1


def test_a_transaction_of_which_nobody_knows_is_looked_up_before_the_next(
    tables: Tables, clock: Clock, reader: FeedReader
) -> None:
    feed = feed_of(tables, clock, lanes=[0])
    with feed.turn() as turn, TransactWrite(connection=tables.connection) as transaction:
        turn.add(transaction, [an_event(1)])  # its answer is lost: nobody says that it is done
    add(tables, feed, an_event(2))
    assert walk(reader, Position(), limit=10) == [1, 2]


def test_what_has_outlived_its_time_is_skipped(tables: Tables, clock: Clock, reader: FeedReader) -> None:
    feed = feed_of(tables, clock, lanes=[0])
    for number in range(4):
        add(tables, feed, an_event(number))
    for number in (1, 2):
        tables.feed(lane_key(0), number).delete()
    clock.advance(LOST_AFTER_SECONDS + 1)
    assert walk(reader, Position(), limit=10) == [2, 3]
    for number in (3, 4):
        tables.feed(lane_key(0), number).delete()
    stretch = reader.read(Position(), limit=10)
    assert (stretch.events, stretch.position, stretch.more) == ((), reader.end(), False)


def test_a_page_that_is_not_visible_yet_is_waited_for(tables: Tables, clock: Clock, reader: FeedReader) -> None:
    feed = feed_of(tables, clock, lanes=[0])
    for number in range(3):
        add(tables, feed, an_event(number))
    page = tables.feed.get(lane_key(0), 2)
    page.delete()
    stretch = reader.read(Position(), limit=10)
    assert (numbers(stretch.events), stretch.more) == ([0], True)
    assert reader.read(stretch.position, limit=10).events == ()
    page.save()
    assert numbers(reader.read(stretch.position, limit=10).events) == [1, 2]


def test_pages_live_as_long_as_the_settings_say_and_heads_for_ever(tables: Tables, clock: Clock) -> None:
    add(tables, feed_of(tables, clock, lanes=[0]), an_event(1))
    head, page = tables.feed.query(lane_key(0))
    assert head.expires_at is None
    assert page.expires_at.timestamp() == int(clock() + KEEP_SECONDS)


def test_the_feed_is_wanted_once_there_is_an_endpoint(tables: Tables, clock: Clock) -> None:
    feed = feed_of(tables, clock, always=False)
    assert not feed.wanted()
    row = tables.webhooks("e", url="https://x.example", secret="s", created_at=0, updated_at=0)
    row.save()
    assert not feed.wanted()  # asked a moment ago
    clock.advance(feeds.NOTICE_SECONDS)
    assert feed.wanted()
    row.delete()
    clock.advance(feeds.NOTICE_SECONDS)
    assert not feed.wanted()


def test_the_feed_is_wanted_when_the_settings_say_so(tables: Tables, clock: Clock) -> None:
    assert feed_of(tables, clock, always=True).wanted()


def test_a_cursor_is_read_as_it_was_written_also_one_of_fewer_lanes() -> None:
    position = Position.of([3, 0, 12])
    assert len(position.lengths) == LANES
    assert Position.of_cursor(position.cursor()) == position
    assert Position.of(position.json()) == position


@pytest.mark.parametrize("cursor", ["", "x", "WyJldmVudHMiLCIxLi0yIl0", "WyJtYWlscyIsIjEiXQ"])
def test_what_is_no_cursor_of_the_feed_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidError, match="after: is no cursor"):
        Position.of_cursor(cursor)


def test_threads_of_one_process_take_different_lanes(tables: Tables, clock: Clock) -> None:
    feed: Feed = feed_of(tables, clock, lanes=[0, 1])
    with feed.turn() as first, feed.turn() as second, TransactWrite(connection=tables.connection) as transaction:
        first.add(transaction, [an_event(1)])
        second.add(transaction, [an_event(2)])
    assert {row.lane for row in tables.feed.scan()} == {lane_key(0), lane_key(1)}
