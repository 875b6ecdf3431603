"""Possible duplicates at rest: how they come to be held, and each way out."""

import pytest
from fakes.clock import Clock
from fakes.sending import address
from fakes.tables import again_of, batches_of, held_of, ledger_of, singles_of

from ems.store.again import Move
from ems.store.chunk_counts import counts_of
from ems.store.chunk_state import ChunkKey, ChunkState, Done, Settled
from ems.store.doubts import Decision
from ems.store.held import Held
from ems.store.models import TrackerRow
from ems.store.singles import SingleRow
from ems.store.status import Status
from ems.store.tables import Tables
from ems.store.unresolved import UnresolvedChunks

KEY = ChunkKey("b1", 0, "welcome", "bulk", 2)
IN_BATCH = Held("b1-000000", "first", "b1", 0)
SINGLE = Held("e1", "first")


def decision(clock: Clock, what: str = "drop") -> Decision:
    return Decision(what, "me", clock())


def row(tables: Tables, email_id: str) -> TrackerRow:
    found: TrackerRow = tables.emails.get(email_id)
    return found


def counts(tables: Tables, chunk: int = 0) -> dict[str, int]:
    of_chunk = counts_of(tables.batches.get("b1", f"chunk#{chunk:06d}"))
    return {status: number for status, number in of_chunk.items() if number}


@pytest.fixture
def held_single(tables: Tables, clock: Clock) -> Held:
    singles_of(tables, clock).create(SingleRow("e1", "welcome", "bulk", address(0), "f"))
    assert held_of(tables, clock).hold("e1", repeats="first")
    return SINGLE


@pytest.fixture
def held_recipient(tables: Tables, clock: Clock) -> Held:
    """The first of a chunk's two recipients; the other is sent to."""
    ledger = ledger_of(tables, clock)
    claimed = ledger.claim(KEY, owner="a", lease_seconds=60)
    assert isinstance(claimed, ChunkState)
    settled = [
        Settled(0, "b1-000000", address(0), Status.HELD, repeats="first"),
        Settled(1, "b1-000001", address(1), Status.SENT, message_id="m1"),
    ]
    assert ledger.settle(KEY, claimed, settled, owner="a", next_call=()).unresolved
    return IN_BATCH


def test_a_held_mail_tells_which_one_it_repeats(tables: Tables, clock: Clock, held_single: Held) -> None:
    assert held_of(tables, clock).read(["e1", "nobody"]) == [held_single]
    assert (row(tables, "e1").send_status, row(tables, "e1").repeats) == ("held", "first")
    assert held_single.reason == "possible duplicate of first"


def test_only_a_queued_mail_can_be_held(tables: Tables, clock: Clock, held_single: Held) -> None:
    assert not held_of(tables, clock).hold("e1", repeats="another")
    assert not held_of(tables, clock).hold("nobody", repeats="first")
    assert row(tables, "e1").repeats == held_single.repeats


def test_a_held_recipient_is_counted_and_found_by_its_chunk(tables: Tables, clock: Clock, held_recipient: Held) -> None:
    assert counts(tables) == {"held": 1, "sent": 1}
    [chunk] = UnresolvedChunks(tables).of_batch("b1")
    assert chunk.repeating == (held_recipient.email_id,)
    assert held_of(tables, clock).read(chunk.repeating) == [held_recipient]
    assert row(tables, held_recipient.email_id).attempts is None
    assert ledger_of(tables, clock).claim(KEY, owner="b", lease_seconds=60) == Done(unresolved=True)


def test_a_held_single_mail_is_let_go_once(tables: Tables, clock: Clock, held_single: Held) -> None:
    held = held_of(tables, clock)
    assert held.let_go(held_single, decision(clock, "release"))
    assert not held.let_go(held_single, decision(clock, "release"))
    assert not held.drop(held_single, decision(clock))
    assert row(tables, "e1").send_status == "queued"
    assert [one["decision"] for one in row(tables, "e1").decisions] == ["release"]


def test_a_dropped_mail_has_failed_and_says_why(tables: Tables, clock: Clock, held_recipient: Held) -> None:
    held = held_of(tables, clock)
    assert held.drop(held_recipient, decision(clock))
    assert not held.drop(held_recipient, decision(clock))
    assert counts(tables) == {"failed": 1, "sent": 1}
    assert list(UnresolvedChunks(tables).of_batch("b1")) == []
    dropped = row(tables, held_recipient.email_id)
    assert (dropped.send_status, dropped.may_pass) == ("failed", None)
    assert dropped.reason == "dropped: possible duplicate of first"


def test_a_released_recipient_moves_to_a_new_chunk_and_is_held_in_none(
    tables: Tables, clock: Clock, held_recipient: Held
) -> None:
    move = Move("b1", "welcome", 0, 1, [held_recipient], "body", decision(clock, "release"))
    assert again_of(tables, clock).move(move)
    assert not again_of(tables, clock).move(move)
    assert not held_of(tables, clock).drop(held_recipient, decision(clock))
    assert (counts(tables), counts(tables, 1)) == ({"sent": 1}, {})
    assert batches_of(tables, clock).progress("b1").started_left == 1
    assert list(UnresolvedChunks(tables).of_batch("b1")) == []
