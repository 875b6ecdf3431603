"""The suppression list as a file."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.errors import InvalidError
from ems.sending.suppression_csv import MAX_SOURCE, BadLine, read_entries, write_entries
from ems.store.reasons import REASONS, SCOPES
from ems.store.suppressions import Suppression

NOW = 1_700_000_000.0
HEADER = "address,reason,scope,since,source"


def read(*lines: str) -> list[Suppression | BadLine]:
    return list(read_entries([f"{line}\n" for line in lines], now=NOW))


def test_a_line_says_who_why_for_what_mail_since_when_and_by_whom() -> None:
    line = "Gone@B\u00fccher.example, Complaint ,all,2023-11-14T23:13:20+01:00,old system"
    assert read(HEADER, line) == [
        Suppression("gone@xn--bcher-kva.example", reason="complaint", scope="all", source="old system", since=NOW)
    ]


def test_a_list_of_addresses_alone_stops_all_mail_by_hand_from_now_on() -> None:
    expected = Suppression("ada@example.com", reason="manual", scope="all", source="import", since=NOW)
    assert read("address", "ada@example.com") == [expected]
    assert read(HEADER, "ada@example.com,,,,") == [expected]


def test_who_unsubscribed_is_suppressed_for_bulk_unless_the_line_says_otherwise() -> None:
    entries = read("reason,address,scope", "unsubscribe,a@example.com,", "unsubscribe,b@example.com,all")
    assert [one.scope for one in entries if isinstance(one, Suppression)] == ["bulk", "all"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("nobody,manual,all,,", "address: an email address must have an @-sign."),
        (",manual,all,,", "address: "),
        ("a@example.com,spam,all,,", "reason: 'spam' is none of bounce, complaint, unsubscribe, manual"),
        ("a@example.com,manual,none,,", "scope: 'none' is none of all, bulk"),
        ("a@example.com,manual,all,yesterday,", "since: 'yesterday' is no time"),
        ("a@example.com,manual,all,2026-01-31T09:00:00,", "since: '2026-01-31T09:00:00' is no time"),
        (f"a@example.com,manual,all,,{'x' * (MAX_SOURCE + 1)}", "source: give at most 200"),
        ("a@example.com,manual,all,,a\x07b", "source: give at most 200"),
        ("a@example.com,manual", "line: has 2 fields, and the header names 5"),
        ('"a@example.com,manual,all,,', "line: is no CSV"),
        ("\ufffd@example.com,manual,all,,", "address: "),
    ],
)
def test_a_bad_line_is_told_with_its_column_and_spoils_no_other(line: str, reason: str) -> None:
    bad, good = read(HEADER, line, "next@example.com,manual,all,,")
    assert isinstance(bad, BadLine)
    assert bad.number == 2
    assert bad.reason.startswith(reason)
    assert isinstance(good, Suppression)


def test_lines_are_numbered_as_an_editor_does() -> None:
    assert [one.number for one in read("address", "", "nobody", "   ", "nobody") if isinstance(one, BadLine)] == [3, 5]


@pytest.mark.parametrize("header", ["", "ada@example.com", "reason,scope", "address,colour", "address,address"])
def test_a_file_without_a_header_is_refused_as_a_whole(header: str) -> None:
    with pytest.raises(InvalidError, match="header: start with a line of the columns address, reason"):
        read(header, "ada@example.com")


ENTRIES = st.builds(
    Suppression,
    address=st.from_regex(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]{1,20}@[a-z]{1,20}\.[a-z]{2,5}", fullmatch=True),
    reason=st.sampled_from(REASONS),
    scope=st.sampled_from(SCOPES),
    source=st.text("aZ09 ,;'\"|\\=+-@", min_size=1, max_size=20).map(str.strip).filter(bool),
    since=st.integers(0, 4_000_000_000).map(float),
)


@given(st.lists(ENTRIES, max_size=5))
def test_what_is_written_is_read_again(entries: list[Suppression]) -> None:
    file, told = io.StringIO(), []
    assert write_entries(entries, file, progress=told.append) == sum(told) == len(entries)
    file.seek(0)
    assert list(read_entries(file, now=NOW)) == entries


def written(entry: Suppression) -> str:
    file = io.StringIO()
    write_entries([entry], file, progress=lambda _: None)
    return file.getvalue().splitlines()[1]


def test_no_cell_is_a_formula_to_a_spreadsheet() -> None:
    line = written(Suppression("=1+1@example.com", reason="manual", scope="all", source="@import", since=NOW))
    assert line == "'=1+1@example.com,manual,all,2023-11-14T22:13:20+00:00,'@import"


def test_an_apostrophe_that_hides_no_formula_is_the_address_own() -> None:
    [entry] = read("address", "'ada'@example.com")
    assert isinstance(entry, Suppression)
    assert entry.address == "'ada'@example.com"
    assert written(entry).startswith("'ada'@example.com,")
