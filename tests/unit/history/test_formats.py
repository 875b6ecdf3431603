"""Exports as text: for spreadsheets, which run what looks like a formula, and for programs."""

import csv
import io
import json
import weakref
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.errors import UnavailableError
from ems.history.formats import COLUMNS, FORMATS, Format, FormatName, written
from ems.sending.cells import FORMULA_STARTS
from ems.sending.emails import EmailView
from ems.store.status import Status

MAIL = EmailView(
    email_id="em-1",
    status=Status.OPENED,
    batch_id="ba-1",
    recipient="ada@example.com",
    message_id="m-1",
    reason=None,
    created_at=1e9,
    sent_at=1e9 + 0.25,
    moments={
        "delivery": {"first": 1e9 + 1, "last": 1e9 + 1, "count": 1},
        "open": {"first": 1e9 + 2, "last": 1e9 + 3, "count": 2},
    },
)
OUTAGE = UnavailableError("DynamoDB", "cannot list mails")


@pytest.fixture(params=["csv", "ndjson"])
def form(request: pytest.FixtureRequest) -> Format:
    name: FormatName = request.param
    return FORMATS[name]


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def as_csv(*mails: EmailView) -> list[dict[str, str]]:
    return rows("".join(written([mails], FORMATS["csv"])))


def test_a_csv_row_has_the_mail_and_the_moments_of_every_type_of_event() -> None:
    [row] = as_csv(MAIL)

    assert tuple(row) == COLUMNS
    assert (row["email_id"], row["batch_id"], row["recipient"]) == ("em-1", "ba-1", "ada@example.com")
    assert (row["status"], row["message_id"], row["reason"]) == ("opened", "m-1", "")
    assert (row["created_at"], row["sent_at"]) == ("2001-09-09T01:46:40.000Z", "2001-09-09T01:46:40.250Z")
    assert (row["open_first"], row["open_last"]) == ("2001-09-09T01:46:42.000Z", "2001-09-09T01:46:43.000Z")
    assert (row["open_count"], row["click_count"], row["click_first"]) == ("2", "0", "")


def test_a_line_of_json_has_the_mail_and_the_moments_that_there_were() -> None:
    [line] = "".join(written([[MAIL]], FORMATS["ndjson"])).splitlines()

    assert json.loads(line) == {
        "email_id": "em-1",
        "batch_id": "ba-1",
        "recipient": "ada@example.com",
        "status": "opened",
        "message_id": "m-1",
        "reason": None,
        "created_at": "2001-09-09T01:46:40.000Z",
        "sent_at": "2001-09-09T01:46:40.250Z",
        "moments": {
            "delivery": {"first": "2001-09-09T01:46:41.000Z", "last": "2001-09-09T01:46:41.000Z", "count": 1},
            "open": {"first": "2001-09-09T01:46:42.000Z", "last": "2001-09-09T01:46:43.000Z", "count": 2},
        },
    }


@pytest.mark.parametrize(
    ("recipient", "cell"),
    [
        ("=cmd|'/c calc'!a0@example.com", "'=cmd|'/c calc'!a0@example.com"),
        ("+ada@example.com", "'+ada@example.com"),
        ("-ada@example.com", "'-ada@example.com"),
        ("ada=1@example.com", "ada=1@example.com"),
    ],
)
def test_a_spreadsheet_finds_no_formula_where_a_stranger_wrote_one(recipient: str, cell: str) -> None:
    [row] = as_csv(replace(MAIL, recipient=recipient))

    assert row["recipient"] == cell


@given(st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from([*FORMULA_STARTS, *"\",'"]), max_size=12))
def test_any_text_comes_back_from_a_csv_as_it_was_and_never_as_a_formula(text: str) -> None:
    [row] = as_csv(replace(MAIL, reason=text))

    assert row["reason"].removeprefix("'") == text.removeprefix("'")
    assert not row["reason"].startswith(FORMULA_STARTS)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=12))
def test_any_text_is_one_line_of_json(text: str) -> None:
    [line] = "".join(written([[replace(MAIL, reason=text)]], FORMATS["ndjson"])).splitlines()

    assert json.loads(line)["reason"] == text


def test_an_export_without_mails_has_the_head_alone_and_no_empty_piece(form: Format) -> None:
    assert list(written([[], []], form)) == ([form.head] if form.head else [])


def failing(error: Exception) -> Iterator[list[EmailView]]:
    yield [MAIL]
    raise error


@pytest.mark.parametrize(
    ("error", "why"),
    [(OUTAGE, str(OUTAGE)), (ValueError("ada@example.com"), "an error of EMS, which its log tells")],
)
def test_a_file_that_ends_early_says_so_in_its_last_line_and_to_whoever_writes_it(error: Exception, why: str) -> None:
    for name, last in (("csv", ["#incomplete", why]), ("ndjson", {"incomplete": why})):
        pieces: list[str] = []
        with pytest.raises(type(error)):
            pieces.extend(written(failing(error), FORMATS[name]))
        lines = "".join(pieces).splitlines()
        assert (next(csv.reader(lines[-1:])) if name == "csv" else json.loads(lines[-1])) == last
        assert "em-1" in lines[-2]


class Mails(list[EmailView]):
    """A list that can be watched."""

    __hash__ = object.__hash__


def test_an_export_of_any_size_holds_one_list_of_mails_at_a_time(form: Format) -> None:
    alive: weakref.WeakSet[Mails] = weakref.WeakSet()
    most = 0

    def export() -> Iterator[Mails]:
        nonlocal most
        for _ in range(50):
            mails = Mails([MAIL])
            alive.add(mails)
            most = max(most, len(alive))
            yield mails

    assert sum(len(piece) for piece in written(export(), form)) > 50 * 100
    # The one that is made while its forerunner is still in the reader's loop.
    assert most <= 2
