"""Checking and cutting the recipients of a bulk request."""

from collections.abc import ItemsView
from dataclasses import replace
from typing import Any

import pytest
from fakes.sending import CAMPAIGN, entry

from ems.sending.payloads import CHUNK_BYTES, CHUNK_RECIPIENTS
from ems.sending.recipients import Checked, check, chunked


def checked(*entries: Any, shared: dict[str, Any] | None = None) -> Checked:
    return check(CAMPAIGN, entries, shared=shared or {})


def error_of(one: Any, **shared: Any) -> str:
    result = checked(one, shared=shared)
    assert result.accepted == []
    [rejected] = result.rejected
    assert rejected.index == 0
    return rejected.error


def test_nobody_need_name_the_link_that_a_bulk_template_prints() -> None:
    campaign = replace(CAMPAIGN, variables=("name", "unsubscribe_url"))
    assert len(check(campaign, [entry(0)], shared={}).accepted) == 1


@pytest.mark.parametrize("shared", [{}, {"unsubscribe_url": "https://shop.example.com/leave"}])
def test_nobody_may_put_another_link_in_its_place(shared: dict[str, str]) -> None:
    one = entry(0) if shared else entry(0, unsubscribe_url="https://shop.example.com/leave")
    assert "must not hold 'unsubscribe_url'" in error_of(one, **shared)


def test_in_transactional_mail_the_variable_is_the_callers() -> None:
    campaign = replace(CAMPAIGN, kind="transactional", variables=("unsubscribe_url",))
    theirs = {"to": "ada@example.com", "data": {"unsubscribe_url": "https://shop.example.com/leave"}}
    result = check(campaign, [theirs, {"to": "bob@example.com"}], shared={})
    assert (len(result.accepted), [one.index for one in result.rejected]) == (1, [1])


@pytest.mark.parametrize(
    ("one", "words"),
    [
        ("ada@example.com", "each recipient is an object"),
        (None, "each recipient is an object"),
        (7, "each recipient is an object"),
        ([], "each recipient is an object"),
        ({}, "to must be a string"),
        ({"to": 7}, "to must be a string"),
        ({"to": ["ada@example.com"]}, "to must be a string"),
        ({"to": "ada@example.com", "cc": "x"}, "unknown field 'cc'"),
        ({"to": "ada@example.com", "data": []}, "data must be an object"),
        ({"to": "ada@example.com", "data": ""}, "data must be an object"),
        ({"to": "ada@example.com", "data": False}, "data must be an object"),
        ({"to": "not an address", "data": {"name": "A"}}, "@-sign"),
        ({"to": "ada@example.com\r\nBcc: eve@example.com", "data": {"name": "A"}}, "line breaks"),
        ({"to": "äda@example.com", "data": {"name": "A"}}, "only ASCII before the @"),
        ({"to": "ada@example.com", "data": {}}, "the template needs 'name'"),
        ({"to": "ada@example.com", "data": None}, "the template needs 'name'"),
        ({"to": "ada@example.com", "data": {"name": None}}, "the template needs 'name'"),
        ({"to": "ada@example.com", "data": {"name": "A\r\nBcc: eve@example.com"}}, "'name' stands in the subject"),
        ({"to": "ada@example.com", "data": {"name": "A", "x": "y" * CHUNK_BYTES}}, "bytes of JSON"),
        ({"to": "ada@example.com", "data": {"name": "A", "x": {"y": [float("-inf")]}}}, "number beyond"),
    ],
)
def test_a_bad_entry_is_rejected_with_a_remedy(one: Any, words: str) -> None:
    assert words in error_of(one)


def test_shared_data_fills_what_a_recipient_lacks_and_its_own_data_wins() -> None:
    result = checked({"to": "ada@example.com"}, shared={"name": "all"})
    assert len(result.accepted) == 1
    assert "the template needs 'name'" in error_of({"to": "ada@example.com", "data": {"name": None}}, name="all")


@pytest.mark.parametrize(
    ("shared", "words"),
    [
        ({"name": "all", "x": "y" * CHUNK_BYTES}, "bytes of JSON"),
        ({"name": "all", "x": float("inf")}, "number beyond"),
        ({"x": float("inf")}, "the template needs 'name'"),
    ],
)
def test_what_is_wrong_with_shared_data_is_said_of_each_recipient_after_what_is_wrong_with_the_template(
    shared: dict[str, Any], words: str
) -> None:
    result = checked({"to": "ada@example.com"}, {"to": "bob@example.com"}, shared=shared)
    assert [words in rejected.error for rejected in result.rejected] == [True, True]


class ReadCounter(dict[str, Any]):
    """A JSON object that counts how often it is written out."""

    reads = 0

    def items(self) -> ItemsView[str, Any]:
        self.reads += 1
        return super().items()


@pytest.mark.parametrize("number", [1, 100])
def test_shared_data_is_measured_once_for_all_recipients(number: int) -> None:
    terms = ReadCounter(text="x" * 80_000)
    result = checked(*(entry(place) for place in range(number)), shared={"terms": terms})
    assert len(result.accepted) == number
    assert terms.reads == 1


def test_one_bad_entry_costs_only_itself() -> None:
    result = checked(entry(0), {"to": "nope"}, entry(1))
    assert [one.index for one in result.accepted] == [0, 2]
    assert [one.index for one in result.rejected] == [1]


@pytest.mark.parametrize("again", ["Person0@Example.COM", "person0@example.com", " person0@example.com "])
def test_a_repeated_address_in_any_case_is_a_duplicate_of_the_first(again: str) -> None:
    result = checked(entry(0), {"to": again, "data": {"name": "A"}})
    assert [one.index for one in result.accepted] == [0]
    assert "already at index 0" in result.rejected[0].error


def test_an_address_whose_first_entry_was_rejected_is_no_duplicate() -> None:
    result = checked({"to": "person0@example.com"}, entry(0))
    assert [one.index for one in result.accepted] == [1]


def test_an_idn_domain_and_its_punycode_are_the_same_address() -> None:
    result = checked(
        {"to": "ada@bücher.example.com", "data": {"name": "A"}},
        {"to": "ada@xn--bcher-kva.example.com", "data": {"name": "A"}},
    )
    assert [one.to for one in result.accepted] == ["ada@xn--bcher-kva.example.com"]
    assert "duplicate" in result.rejected[0].error


def test_what_is_shown_of_a_rejected_entry_is_bounded() -> None:
    result = checked({"to": "x" * 5000}, {"to": {"deep": "y" * 5000}}, "z" * 5000)
    assert [len(one.to) for one in result.rejected] == [320, 320, 320]


def test_chunks_hold_fifty() -> None:
    recipients = checked(*(entry(i) for i in range(120))).accepted
    assert [len(part) for part in chunked(recipients, shared={}, size=50)] == [50, 50, 20]


def test_large_data_makes_chunks_smaller_in_order_and_shared_data_takes_its_room() -> None:
    recipients = checked(*(entry(i, text="x" * 30_000) for i in range(7))).accepted
    assert [len(part) for part in chunked(recipients, shared={}, size=50)] == [3, 3, 1]
    assert [len(part) for part in chunked(recipients, shared={"all": "x" * 40_000}, size=50)] == [1] * 7
    assert [one for part in chunked(recipients, shared={}, size=50) for one in part] == recipients


def test_a_template_without_variables_needs_no_data() -> None:
    plain = replace(CAMPAIGN, variables=(), subject="Hello")
    assert len(check(plain, [{"to": "ada@example.com"}], shared={}).accepted) == 1


def test_nobody_makes_no_chunk() -> None:
    assert list(chunked([], shared={}, size=50)) == []
    assert CHUNK_RECIPIENTS == 50
