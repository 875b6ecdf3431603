"""Endpoints as operators see them, on the tables."""

from dataclasses import replace

import pytest
from fakes.clock import Clock
from fakes.endpoints import FakeMails
from fakes.feed import add, an_event, feed_of

from ems.errors import ConflictError, InvalidError, UnknownIdError
from ems.notify.endpoints import MAX_ENDPOINTS, Endpoints
from ems.notify.events import Events
from ems.notify.messages import Messages
from ems.store.endpoints import EndpointStore, Wishes
from ems.store.feed_reader import FeedReader
from ems.store.tables import Tables

WISHES = Wishes("https://backend.example.com/ems")


@pytest.fixture
def endpoints(tables: Tables, clock: Clock) -> Endpoints:
    return endpoints_of(tables, clock)


def endpoints_of(tables: Tables, clock: Clock, *, allow_private: bool = False) -> Endpoints:
    store, feed = EndpointStore(tables, clock=clock), FeedReader(tables, clock=clock)
    return Endpoints(store, feed, allow_private=allow_private, clock=clock)


def test_a_new_endpoint_is_told_of_what_comes_after_it(tables: Tables, clock: Clock, endpoints: Endpoints) -> None:
    feed = feed_of(tables, clock)
    add(tables, feed, an_event(1))
    view, _secret = endpoints.create(WISHES)
    assert (view.state, view.behind) == ("active", 0)
    add(tables, feed, an_event(2), an_event(3))
    assert endpoints.get(view.endpoint_id).behind == 2
    assert endpoints.enable(view.endpoint_id, skip=False).behind == 2
    assert endpoints.enable(view.endpoint_id, skip=True).behind == 0


@pytest.mark.parametrize(
    "url",
    [
        "http://backend.example.com",
        "ftp://backend.example.com",
        "https://",
        "https://user@backend.example.com",
        "https://backend.example.com/#here",
        "https://127.0.0.1",
        "https://[::ffff:10.0.0.1]/",
        "https://localhost",
        "https://[",
        "https://b.example:99999/",
    ],
)
def test_a_url_that_no_post_could_go_to_is_refused(endpoints: Endpoints, url: str) -> None:
    with pytest.raises(InvalidError, match="url: "):
        endpoints.create(replace(WISHES, url=url))


def test_private_urls_are_taken_when_the_operator_says_so(tables: Tables, clock: Clock) -> None:
    view, _secret = endpoints_of(tables, clock, allow_private=True).create(Wishes("http://127.0.0.1:8080/x"))
    assert view.wishes.url == "http://127.0.0.1:8080/x"


def test_there_is_an_end_to_endpoints(endpoints: Endpoints) -> None:
    for _ in range(MAX_ENDPOINTS):
        endpoints.create(WISHES)
    with pytest.raises(ConflictError, match="delete one"):
        endpoints.create(WISHES)


def test_nothing_is_done_to_an_endpoint_that_is_not_there(endpoints: Endpoints) -> None:
    for act in (
        lambda: endpoints.get("we"),
        lambda: endpoints.delete("we"),
        lambda: endpoints.replace("we", WISHES),
        lambda: endpoints.enable("we", skip=False),
        lambda: endpoints.disable("we", by="a test"),
        lambda: endpoints.rotate("we"),
    ):
        with pytest.raises(UnknownIdError):
            act()
    assert endpoints.all() == []


def test_the_feed_is_walked_with_its_own_cursor(tables: Tables, clock: Clock) -> None:
    feed = feed_of(tables, clock)
    events = Events(FeedReader(tables, clock=clock), Messages(FakeMails()), kept=feed.wanted)
    now = events.after("now", wishes=WISHES, limit=10)
    assert (now.items, now.more) == ([], False)
    add(tables, feed, an_event(1), an_event(2, type="open"), an_event(3))
    first = events.after(None, wishes=replace(WISHES, event_types=("delivery",)), limit=2)
    assert ([item.data.email_id for item in first.items], first.more) == (["mail-1"], True)
    rest = events.after(first.next, wishes=WISHES, limit=2)
    assert ([item.data.email_id for item in rest.items], rest.more) == (["mail-3"], False)
    assert len(events.after(now.next, wishes=WISHES, limit=10).items) == 3


def test_whoever_reads_a_feed_that_nobody_keeps_is_told_so(tables: Tables, clock: Clock) -> None:
    feed = feed_of(tables, clock, always=False)
    events = Events(FeedReader(tables, clock=clock), Messages(FakeMails()), kept=feed.wanted)
    with pytest.raises(ConflictError, match="EMS_EVENT_FEED"):
        events.after(None, wishes=WISHES, limit=10)
