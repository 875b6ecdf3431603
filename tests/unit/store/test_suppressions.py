from dataclasses import replace

import pytest

from ems.errors import InvalidError
from ems.store import suppressions as module
from ems.store.reasons import Reason, Scope
from ems.store.suppressions import Suppression, Suppressions
from ems.store.tables import Tables


@pytest.fixture
def suppressions(tables: Tables) -> Suppressions:
    return Suppressions(tables)


def add(suppressions: Suppressions, address: str, reason: Reason = "bounce", scope: Scope = "all") -> bool:
    return suppressions.add(address, reason=reason, scope=scope, source="ses-event", since=1.0, email_id="em-1")


def test_a_suppressed_address_is_found_in_any_case_and_answered_as_it_was_given(suppressions: Suppressions) -> None:
    add(suppressions, "Gone@example.com")
    found = suppressions.filter(["GONE@example.com", "here@example.com"], kind="transactional")
    assert found == {"GONE@example.com": "bounce"}


def test_an_unsubscribed_address_gets_transactional_mail(suppressions: Suppressions) -> None:
    add(suppressions, "left@example.com", "unsubscribe", "bulk")
    assert suppressions.filter(["left@example.com"], kind="bulk") == {"left@example.com": "unsubscribe"}
    assert suppressions.filter(["left@example.com"], kind="transactional") == {}


def test_the_first_reason_stays(tables: Tables, suppressions: Suppressions) -> None:
    assert add(suppressions, "gone@example.com", "bounce")
    assert not add(suppressions, "gone@example.com", "complaint")
    assert not add(suppressions, "gone@example.com", "unsubscribe", "bulk")
    row = tables.suppressions.get("gone@example.com")
    assert (row.reason, row.scope, row.source, row.email_id) == ("bounce", "all", "ses-event", "em-1")


def test_a_reason_against_all_mail_replaces_one_against_bulk(suppressions: Suppressions) -> None:
    add(suppressions, "left@example.com", "unsubscribe", "bulk")
    assert add(suppressions, "left@example.com", "complaint", "all")
    assert suppressions.filter(["left@example.com"], kind="transactional") == {"left@example.com": "complaint"}


def test_who_unsubscribed_and_bounced_later_is_on_the_list_with_both_reasons(suppressions: Suppressions) -> None:
    suppressions.add(
        "left@example.com", reason="unsubscribe", scope="bulk", source="ses-event", since=1.0, email_id="m"
    )
    suppressions.add("left@example.com", reason="bounce", scope="all", source="import", since=2.0)
    suppressions.add("left@example.com", reason="complaint", scope="all", source="import", since=3.0)
    assert suppressions.get("left@example.com") == Suppression(
        "left@example.com",
        reason="bounce",
        scope="all",
        source="import",
        since=2.0,
        earlier_reason="unsubscribe",
        earlier_since=1.0,
    )


def test_who_bounced_and_unsubscribed_later_is_on_the_list_with_both_reasons(suppressions: Suppressions) -> None:
    add(suppressions, "gone@example.com", "bounce")
    for since in (5.0, 6.0):
        suppressions.add("gone@example.com", reason="unsubscribe", scope="bulk", source="unsubscribe link", since=since)
    entry = suppressions.get("gone@example.com")
    assert entry is not None
    assert (entry.reason, entry.scope) == ("bounce", "all")
    assert (entry.earlier_reason, entry.earlier_since) == ("unsubscribe", 5.0)


def test_a_hundred_addresses_are_one_question_and_repetitions_do_no_harm(suppressions: Suppressions) -> None:
    addresses = [f"user{number}@example.com" for number in range(100)]
    add(suppressions, addresses[99])
    assert suppressions.filter(addresses, kind="bulk") == {addresses[99]: "bounce"}
    assert suppressions.filter([addresses[99]] * 3, kind="bulk") == {addresses[99]: "bounce"}
    assert suppressions.filter([], kind="bulk") == {}


def test_more_than_one_call_can_ask_for_is_an_error_of_the_caller(suppressions: Suppressions) -> None:
    with pytest.raises(ValueError, match="101"):
        suppressions.filter([f"user{number}@example.com" for number in range(101)], kind="bulk")


def entry(address: str, reason: Reason = "manual", scope: Scope = "all") -> Suppression:
    return Suppression(address, reason=reason, scope=scope, source="API key k", since=2.5)


def test_an_entry_is_read_as_it_was_written(suppressions: Suppressions) -> None:
    assert suppressions.get("gone@example.com") is None
    add(suppressions, "gone@example.com")
    assert suppressions.get("Gone@example.com") == Suppression(
        "gone@example.com", reason="bounce", scope="all", source="ses-event", since=1.0, email_id="em-1"
    )


def test_an_entry_is_replaced_only_as_it_was_seen(suppressions: Suppressions) -> None:
    written = entry("ada@example.com")
    assert suppressions.replace(written, seen=None)
    assert not suppressions.replace(entry("ada@example.com", "complaint"), seen=None)
    narrowed = replace(written, scope="bulk")
    assert suppressions.replace(narrowed, seen=written)
    assert not suppressions.replace(entry("ada@example.com", "complaint"), seen=written)
    assert suppressions.get("ada@example.com") == narrowed


def test_an_entry_that_is_gone_is_not_replaced(suppressions: Suppressions) -> None:
    assert not suppressions.replace(entry("ada@example.com"), seen=entry("ada@example.com"))
    assert suppressions.get("ada@example.com") is None


def pages_of(suppressions: Suppressions, *, limit: int, reason: Reason | None = None) -> list[list[str]]:
    """Return the addresses of every page."""
    found, cursor = [], None
    while True:
        wanted = None if reason is None else lambda one: one.reason == reason
        page = suppressions.page(wanted=wanted, limit=limit, cursor=cursor)
        found.append([one.address for one in page.items])
        cursor = page.next
        if cursor is None:
            return found


def test_pages_hold_every_entry_once(suppressions: Suppressions) -> None:
    addresses = [f"user{number}@example.com" for number in range(7)]
    for address in addresses:
        add(suppressions, address)
    pages = pages_of(suppressions, limit=3)
    assert max(len(page) for page in pages) == 3
    assert sorted(address for page in pages for address in page) == sorted(addresses)


def test_a_page_of_a_rare_reason_ends_before_it_has_read_everything(
    suppressions: Suppressions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ROWS_READ_PER_PAGE", 4)
    for number in range(9):
        add(suppressions, f"user{number}@example.com")
    add(suppressions, "rare@example.com", "complaint")
    pages = pages_of(suppressions, limit=3, reason="complaint")
    assert len(pages) == 3
    assert [address for page in pages for address in page] == ["rare@example.com"]


def test_a_cursor_of_another_listing_is_refused(suppressions: Suppressions) -> None:
    with pytest.raises(InvalidError, match="cursor"):
        suppressions.page(limit=1, cursor="WyJjYW1wYWlnbnMiLCJ4Il0")


def test_all_entries_or_those_of_a_reason_and_scope_are_read_out(suppressions: Suppressions) -> None:
    add(suppressions, "gone@example.com")
    add(suppressions, "left@example.com", "unsubscribe", "bulk")
    add(suppressions, "left-all@example.com", "unsubscribe", "all")
    assert {one.address for one in suppressions.all()} == {
        "gone@example.com",
        "left@example.com",
        "left-all@example.com",
    }
    assert [one.address for one in suppressions.all(reason="bounce")] == ["gone@example.com"]
    assert [one.address for one in suppressions.all(reason="unsubscribe", scope="all")] == ["left-all@example.com"]


def test_an_entry_shows_no_address_where_it_is_logged() -> None:
    assert "ada" not in repr(entry("ada@example.com"))
