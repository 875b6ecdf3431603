"""Taking an address off the suppression list."""

from fakes.clock import Clock
from fakes.tables import RETENTION_SECONDS, removals_of

from ems.store.removals import removed
from ems.store.suppressions import Suppressions
from ems.store.tables import Tables


def suppress(tables: Tables, address: str) -> None:
    Suppressions(tables).add(address, reason="bounce", scope="all", source="ses-event", since=1.0)


def test_a_removed_address_gets_mail_again_and_it_is_remembered_when_it_was_taken_off(
    tables: Tables, clock: Clock
) -> None:
    suppress(tables, "gone@example.com")
    assert removals_of(tables, clock).remove("gone@example.com")
    assert Suppressions(tables).filter(["gone@example.com"], kind="bulk") == {}
    assert removed(tables, ["gone@example.com", "other@example.com"]) == {"gone@example.com": clock()}
    note = tables.notes.get("removed#gone@example.com")
    assert note.expires_at.timestamp() == int(clock() + RETENTION_SECONDS)


def test_nothing_is_remembered_of_an_address_that_was_not_on_the_list(tables: Tables, clock: Clock) -> None:
    assert not removals_of(tables, clock).remove("here@example.com")
    assert removed(tables, ["here@example.com"]) == {}


def test_the_last_of_two_removals_counts(tables: Tables, clock: Clock) -> None:
    for _ in range(2):
        suppress(tables, "gone@example.com")
        clock.sleep(60)
        assert removals_of(tables, clock).remove("gone@example.com")
    assert removed(tables, ["gone@example.com"]) == {"gone@example.com": clock()}
    assert removed(tables, []) == {}
