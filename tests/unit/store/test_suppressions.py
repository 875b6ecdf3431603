import pytest

from ems.store.suppressions import Reason, Scope, Suppressions
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


def test_a_hundred_addresses_are_one_call_and_repetitions_do_no_harm(suppressions: Suppressions) -> None:
    addresses = [f"user{number}@example.com" for number in range(100)]
    add(suppressions, addresses[99])
    assert suppressions.filter(addresses, kind="bulk") == {addresses[99]: "bounce"}
    assert suppressions.filter([addresses[99]] * 3, kind="bulk") == {addresses[99]: "bounce"}
    assert suppressions.filter([], kind="bulk") == {}


def test_more_than_one_call_can_ask_for_is_an_error_of_the_caller(suppressions: Suppressions) -> None:
    with pytest.raises(ValueError, match="101"):
        suppressions.filter([f"user{number}@example.com" for number in range(101)], kind="bulk")
