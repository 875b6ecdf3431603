"""An endpoint is told everything that it wants, in order, and one that fails costs nothing but patience."""

import time

import pytest
from fakes.clock import Clock
from fakes.endpoints import Backend, Heard, courier_of
from fakes.feed import add, an_event, feed_of

from ems.notify.backoff import LONGEST_SECONDS
from ems.notify.courier import Courier, Pace
from ems.notify.post import Gone, NotTaken, Outcome, Taken
from ems.notify.rounds import Rounds
from ems.notify.signing import new_secret
from ems.store.endpoints import EndpointStore, Progress, Wishes
from ems.store.feed import Feed
from ems.store.feed_reader import FeedReader, Position
from ems.store.tables import Tables

URL = "https://backend.example.com/ems"
SECRET = new_secret()
DAY = 86_400.0


@pytest.fixture
def clock() -> Clock:
    return Clock(time.time())  # the library of Standard Webhooks refuses what is older than five minutes


@pytest.fixture
def store(tables: Tables, clock: Clock) -> EndpointStore:
    return EndpointStore(tables, clock=clock)


@pytest.fixture
def backend() -> Backend:
    return Backend()


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def courier(tables: Tables, clock: Clock, backend: Backend, heard: Heard) -> Courier:
    return courier_of(tables, clock, backend, watch=heard)


@pytest.fixture
def feed(tables: Tables, clock: Clock) -> Feed:
    return feed_of(tables, clock, lanes=[0])


def an_endpoint(store: EndpointStore, endpoint_id: str = "we-1", **wishes: object) -> None:
    assert store.insert(endpoint_id, Wishes(URL, **wishes), secret=SECRET, told=Position())  # type: ignore[arg-type]


def progress(store: EndpointStore, endpoint_id: str = "we-1") -> Progress:
    endpoint = store.read(endpoint_id)
    assert endpoint is not None
    return endpoint.progress


def ids(*numbers: int) -> list[str]:
    return [f"evt_00_{number}" for number in numbers]


def write(tables: Tables, feed: Feed, number: int, **fields: str) -> None:
    add(tables, feed, *(an_event(n + 1, **fields) for n in range(number)))  # type: ignore[arg-type]


def test_every_event_is_posted_once_and_signed(
    tables: Tables, store: EndpointStore, feed: Feed, courier: Courier, backend: Backend, clock: Clock
) -> None:
    an_endpoint(store)
    write(tables, feed, 120)
    assert courier.visit("we-1")
    assert sorted(backend.posts, key=lambda one: int(one[7:])) == ids(*range(1, 121))
    first = backend.verified(SECRET)[0]
    assert first["id"] == backend.posts[0]
    assert first["type"] == "delivery"
    assert first["data"]["recipient"] == f"{first['data']['email_id']}@example.com"
    assert first["data"]["status"] == "sent"
    assert progress(store) == Progress(told=FeedReader(tables).end(), told_at=clock())
    assert courier.visit("we-1")
    assert len(backend.posts) == 120


def test_the_order_is_kept_but_for_the_window(
    tables: Tables, store: EndpointStore, feed: Feed, courier: Courier, backend: Backend
) -> None:
    an_endpoint(store)
    write(tables, feed, 12)
    courier.visit("we-1")
    windows = [sorted(backend.posts[start : start + 4]) for start in (0, 4, 8)]
    assert windows == [sorted(ids(*range(start + 1, start + 5))) for start in (0, 4, 8)]


def test_only_what_is_wanted_is_posted_and_the_rest_is_passed(
    tables: Tables, store: EndpointStore, feed: Feed, courier: Courier, backend: Backend
) -> None:
    an_endpoint(store, event_types=("bounce",), campaign_ids=("news",))
    add(
        tables,
        feed,
        an_event(1, type="bounce", campaign_id="news"),
        an_event(2, type="bounce", campaign_id="other"),
        an_event(3, type="open", campaign_id="news"),
        an_event(4, type="bounce", campaign_id=None),
        an_event(5, type="bounce", campaign_id="news"),
    )
    courier.visit("we-1")
    assert sorted(backend.posts) == ids(1, 5)
    assert progress(store).told == FeedReader(tables).end()


def test_what_is_not_taken_is_posted_again_and_nothing_that_follows_is_left_out(
    tables: Tables, store: EndpointStore, feed: Feed, backend: Backend, courier: Courier, clock: Clock
) -> None:
    an_endpoint(store)
    write(tables, feed, 10)
    backend.answer = lambda one: NotTaken("it answered 500") if one == "evt_00_7" else Taken()
    courier.visit("we-1")
    assert sorted(backend.posts) == sorted(ids(*range(1, 9)))
    assert progress(store).told.lengths[0] == 6
    assert (progress(store).failures, progress(store).last_error) == (1, "it answered 500")
    assert not courier.visit("we-1"), "not before its time"
    clock.advance(5)
    backend.posts.clear()
    courier.visit("we-1")
    assert backend.posts == ids(7), "one that failed is tried with one"
    assert (progress(store).failures, progress(store).failing_since) == (2, clock() - 5)
    clock.advance(10)
    backend.answer = lambda _one: Taken()
    courier.visit("we-1")
    assert sorted(backend.posts[1:], key=lambda one: int(one[7:])) == ids(7, 8, 9, 10)
    assert progress(store) == Progress(told=FeedReader(tables).end(), told_at=clock())


def test_an_endpoint_that_takes_nothing_for_three_days_is_disabled_and_goes_on_where_it_was_once_enabled(
    tables: Tables, store: EndpointStore, feed: Feed, backend: Backend, courier: Courier, clock: Clock, heard: Heard
) -> None:
    an_endpoint(store)
    write(tables, feed, 3)
    backend.answer = lambda _one: NotTaken("it answered 500")
    began = clock()
    while progress(store).disabled_at is None:
        clock.now = progress(store).next_at or clock()
        assert courier.visit("we-1")
        assert clock() - began < 3 * DAY + 2 * LONGEST_SECONDS
    assert clock() - began >= 3 * DAY
    assert progress(store).disabled_reason == "it has taken nothing for too long: it answered 500"
    assert len(heard.outcomes) < 100, "with growing pauses"
    assert heard.given_up == 1
    clock.advance(DAY)
    assert not courier.visit("we-1")
    backend.answer, backend.posts = (lambda _one: Taken()), []
    store.enable("we-1")
    courier.visit("we-1")
    assert sorted(backend.posts) == ids(1, 2, 3)


def test_an_endpoint_that_is_gone_is_disabled_at_once(
    tables: Tables, store: EndpointStore, feed: Feed, backend: Backend, courier: Courier
) -> None:
    an_endpoint(store)
    write(tables, feed, 1)
    backend.answer = lambda _one: Gone()
    courier.visit("we-1")
    assert progress(store).disabled_reason == "it answered 410: it wants nothing any more"


@pytest.mark.parametrize(("asked_for", "pause"), [(None, 5.0), (120.0, 120.0), (DAY, LONGEST_SECONDS)])
def test_an_endpoint_that_asks_for_a_pause_gets_it_within_reason(
    tables: Tables,
    store: EndpointStore,
    feed: Feed,
    backend: Backend,
    courier: Courier,
    clock: Clock,
    asked_for: float | None,
    pause: float,
) -> None:
    an_endpoint(store)
    write(tables, feed, 1)
    backend.answer = lambda _one: NotTaken("it answered 429", asked_for)
    courier.visit("we-1")
    assert progress(store).next_at == clock() + pause


def test_an_endpoint_without_an_address_fails_as_one_that_does_not_answer(
    tables: Tables, store: EndpointStore, feed: Feed, backend: Backend, courier: Courier
) -> None:
    an_endpoint(store)
    write(tables, feed, 1)
    backend.unreachable = "the host has an address that is not public"
    courier.visit("we-1")
    assert (progress(store).failures, progress(store).last_error) == (1, backend.unreachable)


def test_two_couriers_never_tell_one_endpoint_at_the_same_time(
    tables: Tables, store: EndpointStore, feed: Feed, backend: Backend, courier: Courier, clock: Clock
) -> None:
    an_endpoint(store)
    write(tables, feed, 1)
    second = courier_of(tables, clock, Backend())
    refused: list[bool] = []

    def meanwhile(_id: str) -> Outcome:
        refused.append(second.visit("we-1"))
        return Taken()

    backend.answer = meanwhile
    assert courier.visit("we-1")
    assert refused == [False]


def test_what_a_killed_courier_had_told_is_told_again_under_the_same_ids(
    tables: Tables, store: EndpointStore, feed: Feed, backend: Backend, courier: Courier, clock: Clock
) -> None:
    an_endpoint(store)
    write(tables, feed, 6)

    def killed(one: str) -> Outcome:
        if one == "evt_00_6":
            raise KeyboardInterrupt
        return Taken()

    backend.answer = killed
    with pytest.raises(KeyboardInterrupt):
        courier.visit("we-1")
    assert not courier.visit("we-1"), "the lease is still its"
    clock.advance(courier.lease_seconds + 1)
    backend.answer = lambda _one: Taken()
    courier.visit("we-1")
    assert set(backend.posts) == set(ids(1, 2, 3, 4, 5, 6))
    assert len(backend.posts) > 6


def test_who_lost_the_lease_writes_nothing(
    tables: Tables, store: EndpointStore, feed: Feed, backend: Backend, courier: Courier, clock: Clock
) -> None:
    an_endpoint(store)
    write(tables, feed, 1)
    other = courier_of(tables, clock, Backend(answer=lambda _one: NotTaken("it answered 500")))

    def very_slow(_id: str) -> Outcome:
        clock.advance(courier.lease_seconds + 1)
        assert other.visit("we-1")
        return Taken()

    backend.answer = very_slow
    courier.visit("we-1")
    assert progress(store).failures == 1, "as the other one wrote it"


def test_a_visit_ends_with_its_slice_and_another_goes_on(
    tables: Tables, store: EndpointStore, feed: Feed, backend: Backend, clock: Clock
) -> None:
    an_endpoint(store)
    write(tables, feed, 9)
    courier = courier_of(tables, clock, backend, pace=Pace(window=2, slice_seconds=1.5))

    def slow(_id: str) -> Outcome:
        clock.advance(0.5)
        return Taken()

    backend.answer = slow
    courier.visit("we-1")
    assert sorted(backend.posts) == ids(1, 2, 3, 4)
    while courier.visit("we-1") and len(backend.posts) < 9:
        pass
    assert sorted(backend.posts) == ids(*range(1, 10))


def test_a_courier_that_is_asked_to_stop_ends_after_the_posts_under_way(
    tables: Tables, store: EndpointStore, feed: Feed, backend: Backend, courier: Courier
) -> None:
    an_endpoint(store)
    write(tables, feed, 9)
    courier.stop()
    courier.visit("we-1")
    assert sorted(backend.posts) == ids(1, 2, 3, 4)
    assert progress(store).told.lengths[0] == 4


def test_a_secret_before_a_rotation_signs_as_well_until_its_time_is_over(
    tables: Tables, store: EndpointStore, feed: Feed, backend: Backend, courier: Courier, clock: Clock
) -> None:
    an_endpoint(store)
    new = new_secret()
    store.rotate("we-1", secret=new, old_until=clock() + 60)
    write(tables, feed, 1)
    courier.visit("we-1")
    assert backend.verified(SECRET) == backend.verified(new)
    clock.advance(61)
    endpoint = store.read("we-1")
    assert endpoint is not None
    assert endpoint.secrets == (new,)


def test_a_round_visits_who_is_due_and_has_something_to_be_told(
    tables: Tables, store: EndpointStore, feed: Feed, backend: Backend, courier: Courier, clock: Clock
) -> None:
    rounds = Rounds(endpoints=store, feed=FeedReader(tables, clock=clock), courier=courier, clock=clock)
    assert rounds.make() == 0
    an_endpoint(store, "we-1")
    an_endpoint(store, "we-2")
    assert rounds.make() == 0
    write(tables, feed, 1)
    store.disable("we-2", reason="by a test")
    assert rounds.make() == 1
    assert rounds.make() == 0
    store.enable("we-2")
    assert rounds.make() == 1
    assert backend.posts == ids(1, 1)
