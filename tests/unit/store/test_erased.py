"""Marks of persons who were erased, and what the suppression list makes of them."""

import pytest
from fakes.clock import Clock
from fakes.tables import removals_of

from ems.sending.suppressions import SuppressionList
from ems.store.audit import AuditReads
from ems.store.erased import AddressHashes, Marks
from ems.store.reasons import ERASED, Reason, Scope
from ems.store.removals import removed
from ems.store.suppressions import Suppressions
from ems.store.tables import Tables

ADA = "ada@example.com"
THEN = 1_000.0
KEPT = 86_400.0


@pytest.fixture
def suppressions(tables: Tables) -> Suppressions:
    return Suppressions(tables)


@pytest.fixture
def marks(tables: Tables) -> Marks:
    return Marks(tables)


def suppress(suppressions: Suppressions, reason: Reason = "bounce", scope: Scope = "all") -> bool:
    return suppressions.add(ADA, reason=reason, scope=scope, source="ses-event", since=1.0, email_id="em-1")


def erase(marks: Marks, *, at: float = THEN) -> None:
    marks.erase("Ada@Example.com", at=at, kept_seconds=KEPT)


def raw(tables: Tables) -> str:
    """Return all that the list and the notes hold, as DynamoDB has it."""
    return str([row.serialize() for table in (tables.suppressions, tables.notes) for row in table.scan()])


def test_processes_share_one_key_and_another_account_has_another(tables: Tables) -> None:
    assert AddressHashes(tables).of(ADA) == AddressHashes(tables).of("ADA@example.com")
    before = AddressHashes(tables).of(ADA)
    tables.notes("key#erased").delete()
    assert AddressHashes(tables).of(ADA) != before


@pytest.mark.parametrize(("scope", "transactional"), [("all", {ADA: "bounce"}), ("bulk", {})])
def test_who_was_suppressed_stays_so_without_the_address(
    tables: Tables, suppressions: Suppressions, marks: Marks, scope: Scope, transactional: dict[str, str]
) -> None:
    suppress(suppressions, scope=scope)
    erase(marks)
    assert ADA not in raw(tables)
    assert suppressions.filter([ADA], kind="bulk") == {ADA: "bounce"}
    assert suppressions.filter([ADA], kind="transactional") == transactional
    entry = suppressions.get(ADA)
    assert entry is not None
    assert (entry.reason, entry.scope, entry.since, entry.email_id) == ("bounce", scope, 1.0, None)
    assert AuditReads(tables).suppressed([ADA, "bob@example.com"]) == {ADA}
    assert [list(suppressions.all()), suppressions.page(limit=9, cursor=None).items] == [[], []]


def test_what_was_accepted_before_is_not_sent_and_what_is_accepted_later_is(
    suppressions: Suppressions, marks: Marks
) -> None:
    erase(marks)
    for accepted_at, found in ((0.0, {ADA: ERASED}), (THEN, {ADA: ERASED}), (THEN + 1, {})):
        assert suppressions.filter([ADA, "bob@example.com"], kind="bulk", accepted_at=accepted_at) == found
    assert suppressions.get(ADA) is None
    assert suppressions.erased([ADA, "bob@example.com"]) == {ADA: THEN}


def test_a_mark_of_somebody_who_is_not_suppressed_expires_with_the_records(
    tables: Tables, suppressions: Suppressions, marks: Marks
) -> None:
    erase(marks)
    [row] = tables.suppressions.scan()
    assert row.expires_at.timestamp() == THEN + KEPT
    suppress(suppressions)
    [row] = tables.suppressions.scan()
    assert row.expires_at is None


def test_an_event_that_comes_later_suppresses_the_mark_and_brings_no_address_back(
    tables: Tables, suppressions: Suppressions, marks: Marks
) -> None:
    erase(marks)
    assert suppress(suppressions, "unsubscribe", "bulk")
    assert not suppress(suppressions, "unsubscribe", "bulk")
    assert suppress(suppressions, "complaint")
    assert not suppress(suppressions, "bounce")
    assert suppressions.filter([ADA], kind="transactional") == {ADA: "complaint"}
    assert ADA not in raw(tables)


def test_erasing_again_keeps_the_stronger_of_mark_and_entry_and_the_later_time(
    tables: Tables, suppressions: Suppressions, marks: Marks
) -> None:
    suppress(suppressions, "complaint")
    erase(marks)
    tables.suppressions(ADA, reason="unsubscribe", scope="bulk", source="API key k", since=THEN + 1).save()
    erase(marks, at=THEN + 2)
    erase(marks, at=THEN)
    assert suppressions.filter([ADA], kind="transactional") == {ADA: "complaint"}
    assert suppressions.erased([ADA]) == {ADA: THEN + 2}
    assert ADA not in raw(tables)


def test_a_person_who_was_erased_can_be_taken_off_the_list_and_the_audit_knows_it(
    tables: Tables, suppressions: Suppressions, marks: Marks, clock: Clock
) -> None:
    suppress(suppressions)
    erase(marks)
    removals = removals_of(tables, clock)
    assert removals.remove(ADA)
    assert not removals.remove(ADA)
    assert suppressions.filter([ADA], kind="bulk") == {}
    assert suppressions.erased([ADA]) == {ADA: THEN}
    assert removed(tables, [ADA]) == {ADA: clock()}
    assert ADA not in raw(tables)


def test_an_erased_person_is_suppressed_by_hand_without_the_address(
    tables: Tables, suppressions: Suppressions, marks: Marks, clock: Clock
) -> None:
    by_hand = SuppressionList(suppressions, removals_of(tables, clock), clock=clock)
    erase(marks)
    by_hand.put(ADA, reason="manual", by="API key k")
    by_hand.put(ADA, reason="unsubscribe", by="API key k")
    assert suppressions.filter([ADA], kind="transactional") == {}
    assert suppressions.filter([ADA], kind="bulk") == {ADA: "unsubscribe"}
    assert ADA not in raw(tables)
