"""Keeping SES's own suppression list and ours in step."""

import pytest
from fakes.clock import Clock
from fakes.suppressions import FakeSesList
from fakes.tables import RETENTION_SECONDS
from hypothesis import given
from hypothesis import strategies as st

from ems.aws.suppressed import SuppressedAtSes
from ems.sending.ses_list import READ_EVERY_SECONDS, Action, Lists, StepKeeper, needed
from ems.sending.suppression_import import SuppressionImport
from ems.sending.suppression_sync import SuppressionSync
from ems.sending.suppressions import SuppressionList
from ems.store.out_of_step import OutOfStepNotes
from ems.store.reasons import Scope
from ems.store.removals import Removals, removed
from ems.store.suppressions import Suppression, Suppressions
from ems.store.tables import Tables

ADA = "ada@example.com"


def ours(scope: Scope = "all", since: float = 5.0) -> Suppression:
    return Suppression(ADA, reason="manual", scope=scope, source="API key k", since=since)


def at_ses(since: float = 5.0) -> SuppressedAtSes:
    return SuppressedAtSes(ADA, "BOUNCE", since)


@pytest.mark.parametrize(
    ("entry", "removed_at", "listed", "action"),
    [
        (None, 0.0, None, Action.NOTHING),
        (ours(), 0.0, None, Action.PUT),
        (ours(), 9.0, at_ses(), Action.NOTHING),
        (ours("bulk"), 0.0, None, Action.NOTHING),
        (ours("bulk", since=6.0), 0.0, at_ses(since=5.0), Action.REMOVE),
        (ours("bulk", since=5.0), 0.0, at_ses(since=6.0), Action.TAKE_OVER),
        (None, 6.0, at_ses(since=5.0), Action.REMOVE),
        (None, 5.0, at_ses(since=6.0), Action.TAKE_OVER),
        (None, 0.0, at_ses(), Action.TAKE_OVER),
    ],
)
def test_the_later_word_counts_and_bulk_is_ours_alone(
    entry: Suppression | None, removed_at: float, listed: SuppressedAtSes | None, action: Action
) -> None:
    assert needed(entry, removed_at=removed_at, at_ses=listed) is action


MOMENTS = st.floats(0, 10)
ENTRIES = st.none() | st.builds(ours, st.sampled_from(["all", "bulk"]), MOMENTS)


@given(ENTRIES, MOMENTS, st.none() | st.builds(at_ses, MOMENTS))
def test_after_its_action_an_address_needs_nothing_more(
    entry: Suppression | None, removed_at: float, listed: SuppressedAtSes | None
) -> None:
    match needed(entry, removed_at=removed_at, at_ses=listed):
        case Action.PUT:
            listed = at_ses(since=11)
        case Action.REMOVE:
            listed = None
        case Action.TAKE_OVER:
            entry = ours()
    assert needed(entry, removed_at=removed_at, at_ses=listed) is Action.NOTHING


class World:
    """Both lists, changed by hand, and what keeps them in step."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self.clock = clock
        self.tables = tables
        self.ses = FakeSesList([])
        self.notes = OutOfStepNotes(tables, retention_seconds=RETENTION_SECONDS, clock=clock)
        self.ours = Suppressions(tables, out_of_step=self.notes)
        removals = Removals(
            tables, retention_seconds=RETENTION_SECONDS, out_of_step=self.notes, clock=clock, sleep=clock.sleep
        )
        self.by_hand = SuppressionList(self.ours, removals, clock=clock)

        def taken_off(addresses: object) -> dict[str, float]:
            return removed(tables, addresses)  # type: ignore[arg-type]

        self.keeper = StepKeeper(
            lists=Lists(self.ours, taken_off, self.ses),
            notes=self.notes,
            sync=SuppressionSync(
                self.ses,
                SuppressionImport(self.ours, clock=clock, sleep=clock.sleep),
                removed=taken_off,
                lagging=self.notes.add,
                sleep=clock.sleep,
            ),
            clock=clock,
            sleep=clock.sleep,
        )

    def tick(self) -> None:
        self.keeper.tick(seconds=20)

    def at_ses(self) -> dict[str, str]:
        return {one.address: one.reason for one in self.ses.entries}

    def out_of_step(self) -> list[str]:
        return [one.address for one in self.notes.first(100)]


@pytest.fixture
def world(tables: Tables, clock: Clock) -> World:
    return World(tables, clock)


def test_who_is_suppressed_by_hand_is_put_on_the_list_of_ses_with_its_reason(world: World) -> None:
    world.by_hand.put(ADA, reason="manual", by="k")
    world.by_hand.put("cross@example.com", reason="complaint", by="k")
    world.by_hand.put("left@example.com", reason="unsubscribe", by="k")
    assert world.at_ses() == {}
    world.tick()
    assert world.at_ses() == {ADA: "BOUNCE", "cross@example.com": "COMPLAINT"}
    assert world.out_of_step() == []


def test_who_is_taken_off_or_narrowed_to_bulk_is_taken_off_at_ses(world: World) -> None:
    for address in (ADA, "bob@example.com"):
        world.by_hand.put(address, reason="manual", by="k")
    world.tick()
    world.ses.entries[:] = [SuppressedAtSes(one.address, one.reason, world.clock()) for one in world.ses.entries]
    world.clock.advance(1)
    world.by_hand.remove(ADA)
    world.by_hand.put("bob@example.com", reason="unsubscribe", by="k")
    world.tick()
    assert world.at_ses() == {}
    assert world.ours.get(ADA) is None


def test_who_subscribes_again_stays_on_the_list_of_ses(world: World, tables: Tables) -> None:
    world.by_hand.put(ADA, reason="unsubscribe", by="k")
    world.ses.entries.append(at_ses(since=world.clock()))
    world.clock.advance(1)
    removals = Removals(tables, retention_seconds=RETENTION_SECONDS, out_of_step=world.notes, clock=world.clock)
    assert removals.remove(ADA, only=("unsubscribe", "bulk"))
    assert world.out_of_step() == []


def test_a_bounce_at_ses_after_the_removal_is_taken_over_instead(world: World) -> None:
    world.by_hand.put(ADA, reason="manual", by="k")
    world.by_hand.remove(ADA)
    listed_at = world.clock() + 1
    world.ses.entries.append(at_ses(since=listed_at))
    world.tick()
    entry = world.ours.get(ADA)
    assert entry is not None
    assert (entry.reason, entry.scope, entry.source, entry.since) == (
        "bounce",
        "all",
        "ses-list",
        listed_at,
    )


def test_what_ses_lists_is_read_every_hour_and_only_what_is_new(world: World) -> None:
    world.ses.entries.append(SuppressedAtSes("old@example.com", "BOUNCE", world.clock()))
    world.tick()
    assert world.ours.get("old@example.com") is not None
    world.ses.entries.append(SuppressedAtSes("new@example.com", "BOUNCE", world.clock()))
    world.tick()
    assert world.ours.get("new@example.com") is None
    world.clock.advance(READ_EVERY_SECONDS)
    world.tick()
    assert world.ours.get("new@example.com") is not None


def test_what_ses_still_lists_although_it_was_taken_off_here_is_taken_off_there(world: World) -> None:
    world.ses.entries.append(at_ses(since=world.clock()))
    world.tick()
    world.clock.advance(1)
    assert world.ours.get(ADA) is not None
    Removals(world.tables, retention_seconds=RETENTION_SECONDS, clock=world.clock, sleep=world.clock.sleep).remove(ADA)
    world.clock.advance(READ_EVERY_SECONDS)
    world.tick()
    assert world.out_of_step() == [ADA]
    world.tick()
    assert (world.ours.get(ADA), world.at_ses(), world.out_of_step()) == (None, {}, [])


def test_an_address_that_ses_refuses_holds_up_no_other_and_is_tried_again(world: World) -> None:
    world.ses.refuses.add(ADA)
    for address in (ADA, "bob@example.com"):
        world.by_hand.put(address, reason="manual", by="k")
    world.tick()
    assert (world.at_ses(), world.out_of_step()) == ({"bob@example.com": "BOUNCE"}, [ADA])
    world.ses.refuses.clear()
    world.tick()
    assert set(world.at_ses()) == {ADA, "bob@example.com"}


def test_a_change_while_ses_is_told_is_told_as_well(world: World) -> None:
    world.by_hand.put(ADA, reason="manual", by="k")
    [noted] = world.notes.first(10)
    world.clock.advance(1)
    world.by_hand.remove(ADA)
    world.notes.done(noted)
    assert world.out_of_step() == [ADA]


def test_a_tick_ends_in_time_and_the_next_goes_on(world: World) -> None:
    addresses = {f"user{number}@example.com" for number in range(30)}
    for address in addresses:
        world.by_hand.put(address, reason="manual", by="k")
    world.tick()
    assert 0 < len(world.at_ses()) < 30
    world.tick()
    assert set(world.at_ses()) == addresses
