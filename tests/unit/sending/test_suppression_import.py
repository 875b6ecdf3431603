"""Taking a list over: it tightens and never loosens."""

from collections.abc import Iterable

import pytest
from fakes.suppressions import FakeSuppressionStore
from hypothesis import given
from hypothesis import strategies as st

from ems.errors import InvalidError, UnavailableError
from ems.sending.suppression_csv import BadLine
from ems.sending.suppression_import import Imported, SuppressionImport
from ems.store.failures import PATIENT_ATTEMPTS
from ems.store.parallel import KEYS_A_CALL
from ems.store.reasons import REASONS, SCOPES
from ems.store.suppressions import Suppression

NOW = 1_700_000_000.0
COMPLAINT = Suppression("a@example.com", reason="complaint", scope="all", source="ses-event", since=1.0)
LEFT = Suppression("b@example.com", reason="unsubscribe", scope="bulk", source="ses-event", since=2.0)


def run(
    store: FakeSuppressionStore,
    lines: Iterable[str],
    *,
    bad: list[BadLine] | None = None,
    told: list[int] | None = None,
) -> Imported:
    importing = SuppressionImport(store, clock=lambda: NOW, sleep=lambda _seconds: None)
    return importing.run(
        lines, bad=(bad if bad is not None else []).append, progress=(told if told is not None else []).append
    )


def holding(*entries: Suppression) -> FakeSuppressionStore:
    return FakeSuppressionStore({one.address: one for one in entries})


def test_what_is_on_the_list_keeps_its_reason() -> None:
    store = holding(COMPLAINT)
    assert run(store, ["address,reason,scope", "A@example.com,manual,all", "a@example.com,,bulk"]) == Imported(known=2)
    assert store.entries == {COMPLAINT.address: COMPLAINT}


def test_an_entry_for_bulk_gives_way_to_one_for_all_mail() -> None:
    store = holding(LEFT)
    assert run(store, ["address,reason", "b@example.com,bounce"]) == Imported(added=1)
    assert (store.entries[LEFT.address].reason, store.entries[LEFT.address].scope) == ("bounce", "all")


def test_it_goes_on_past_bad_lines_and_tells_each() -> None:
    store, bad = holding(), list[BadLine]()
    done = run(store, ["address", "nobody", "a@example.com", "a b@example.com", "c@example.com"], bad=bad)
    assert done == Imported(added=2, bad=2)
    assert [one.number for one in bad] == [2, 4]
    assert set(store.entries) == {"a@example.com", "c@example.com"}


def test_importing_again_changes_nothing() -> None:
    store, lines = holding(), ["address", *(f"user{number}@example.com" for number in range(250))]
    assert run(store, lines) == Imported(added=250)
    before = dict(store.entries)
    assert run(store, lines) == Imported(known=250)
    assert store.entries == before


def test_a_file_is_read_no_further_than_it_is_written() -> None:
    store, told = holding(), list[int]()

    def lines() -> Iterable[str]:
        yield "address"
        for number in range(1_000):
            assert number - len(store.entries) <= KEYS_A_CALL
            yield f"user{number}@example.com"

    assert run(store, lines(), told=told) == Imported(added=1_000)
    assert sum(told) == 1_000


def test_a_moment_without_dynamodb_is_waited_out() -> None:
    store = FakeSuppressionStore(fails=[UnavailableError("DynamoDB", "throttled")] * 3)
    assert run(store, ["address", "a@example.com"]) == Imported(added=1)


def test_a_long_outage_ends_the_import() -> None:
    store = FakeSuppressionStore(fails=[UnavailableError("DynamoDB", "gone")] * PATIENT_ATTEMPTS)
    with pytest.raises(UnavailableError):
        run(store, ["address", "a@example.com"])


def test_nothing_is_imported_from_a_file_without_a_header() -> None:
    store = holding()
    with pytest.raises(InvalidError, match="header"):
        run(store, ["a@example.com", "b@example.com"])
    assert store.entries == {}


NAMES = st.sampled_from(["a@example.com", "b@example.com", "c@example.com"])
LINES = st.builds("{},{},{}".format, NAMES, st.sampled_from(REASONS), st.sampled_from(SCOPES))


@given(st.lists(LINES, max_size=8))
def test_no_file_loosens_an_entry_or_takes_its_reason_at_the_same_scope(lines: list[str]) -> None:
    store = holding(COMPLAINT, LEFT)
    run(store, ["address,reason,scope", *lines])
    assert store.entries[COMPLAINT.address] == COMPLAINT
    assert store.entries[LEFT.address] == LEFT or store.entries[LEFT.address].scope == "all"
