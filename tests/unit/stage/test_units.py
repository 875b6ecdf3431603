"""DynamoDB's request units, against examples that follow from its published rules."""

import pytest
from stage.units import Index, Item, Table, page_units, read_units, size_of, size_of_value, write_units

PLAIN = Table(("id",), {})
INDEXED = Table(("id",), {"by-colour": Index(("colour",)), "keys": Index(("shape",), projected=())})


def item(size: int = 0, **attributes: str) -> Item:
    """Make an item of about *size* bytes."""
    return {"id": {"S": "1"}, "text": {"S": "x" * size}, **{name: {"S": text} for name, text in attributes.items()}}


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ({"S": "Köln"}, 5),
        ({"N": "1800000000"}, 2),
        ({"N": "12345"}, 4),
        ({"N": "-12345"}, 5),
        ({"BOOL": True}, 1),
        ({"NULL": True}, 1),
        ({"SS": ["ab", "c"]}, 3),
        ({"L": [{"S": "ab"}, {"N": "1"}]}, 3 + 1 + 2 + 1 + 2),
        ({"M": {"name": {"S": "Ada"}}}, 3 + 1 + 4 + 3),
    ],
)
def test_values_have_the_size_that_the_guide_gives_them(value: dict[str, object], size: int) -> None:
    assert size_of_value(value) == size


def test_an_item_is_its_names_and_its_values() -> None:
    assert size_of({"id": {"S": "abc"}, "n": {"N": "7"}}) == 2 + 3 + 1 + 2
    assert size_of(None) == 0


def test_reads_are_rounded_up_item_by_item_and_cost_half_when_they_need_not_be_consistent() -> None:
    assert read_units([100, 5000], consistent=True) == 3
    assert read_units([100, 5000], consistent=False) == 1.5
    assert read_units([0], consistent=True) == 1  # what is not there


def test_a_query_is_rounded_up_as_a_whole() -> None:
    assert page_units([item(1000), item(1000)], consistent=True) == 1
    assert page_units([], consistent=False) == 0.5


def test_a_write_costs_the_larger_of_before_and_after_and_double_in_a_transaction() -> None:
    assert write_units(PLAIN, item(3000), item(10)) == 3
    assert write_units(PLAIN, item(3000), item(10), transaction=True) == 6
    assert write_units(PLAIN, None, None) == 1  # its condition failed


@pytest.mark.parametrize(
    ("before", "after", "units"),
    [
        (None, item(colour="red"), 1 + 1),
        (item(colour="red"), item(5, colour="red"), 1 + 1),
        (item(colour="red"), item(colour="blue"), 1 + 2),
        (item(colour="red"), item(), 1 + 1),
        (item(), item(5), 1),  # in no index
        (item(shape="round"), item(5, shape="round"), 1),  # the index holds keys alone
        (item(1500, colour="red"), item(1501, colour="red"), 2 + 2),
    ],
)
def test_indexes_are_written_where_what_they_hold_has_changed(before: Item | None, after: Item, units: int) -> None:
    assert write_units(INDEXED, before, after) == units


def test_a_transaction_pays_its_indexes_once() -> None:
    assert write_units(INDEXED, None, item(colour="red"), transaction=True) == 2 + 1
