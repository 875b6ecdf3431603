"""What DynamoDB charges for a request, by its published rules; the emulator counts one unit an item.

Sources: DynamoDB developer guide, "DynamoDB item sizes and formats", "Capacity consumption for read/write operations",
"Global secondary indexes: write capacity", "Transactions: capacity management".
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

READ_BYTES = 4096
WRITE_BYTES = 1024
NESTED_BYTES = 3
"""Of a list or a map, whatever it holds."""

Value = Mapping[str, Any]
"""A value as the API writes it: ``{"S": "text"}``."""

Item = Mapping[str, Value]


@dataclass(frozen=True)
class Index:
    """A global secondary index: its key, and the attributes that it holds beside the keys (None: all)."""

    key: tuple[str, ...]
    projected: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Table:
    """A table's key and its indexes by name."""

    key: tuple[str, ...]
    indexes: Mapping[str, Index]

    def entry(self, index: Index, item: Item | None) -> Item | None:
        """Return what an index holds of an item; None when the item lacks a part of the index's key."""
        if item is None or any(name not in item for name in index.key):
            return None
        if index.projected is None:
            return item
        kept = {*self.key, *index.key, *index.projected}
        return {name: value for name, value in item.items() if name in kept}


def size_of_value(value: Value) -> int:
    """Return the bytes of a value."""
    [(kind, content)] = value.items()
    return _SIZES[kind](content)


def size_of(item: Item | None) -> int:
    """Return the bytes of an item; 0 when there is none."""
    return sum(len(name.encode()) + size_of_value(value) for name, value in (item or {}).items())


def read_units(sizes: Iterable[int], *, consistent: bool) -> float:
    """Return the units of items that are read one by one; what is not there costs as much as the smallest."""
    units = sum(max(math.ceil(size / READ_BYTES), 1) for size in sizes)
    return units if consistent else units / 2


def page_units(items: Sequence[Item], *, consistent: bool) -> float:
    """Return the units of a query or a scan, whose items are added up before they are rounded."""
    return read_units([sum(map(size_of, items))], consistent=consistent)


def write_units(table: Table, before: Item | None, after: Item | None, *, transaction: bool = False) -> float:
    """Return the units of a write, those of the indexes included. A write whose condition failed changes nothing.

    A transaction costs double at the table; its indexes follow later, as those of any write.
    """
    own = max(math.ceil(max(size_of(before), size_of(after)) / WRITE_BYTES), 1)
    indexes = sum(
        _index_units(table.entry(index, before), table.entry(index, after), index) for index in table.indexes.values()
    )
    return own * (2 if transaction else 1) + indexes


def _index_units(before: Item | None, after: Item | None, index: Index) -> int:
    if before == after:
        return 0
    moved = before and after and any(before[name] != after[name] for name in index.key)
    if moved:  # out of one place and into another
        return _index_units(before, None, index) + _index_units(None, after, index)
    return max(math.ceil(max(size_of(before), size_of(after)) / WRITE_BYTES), 1)


def _size_of_number(text: str) -> int:
    """About a byte for two significant digits, and one more (two for a negative number)."""
    digits = text.lstrip("-").replace(".", "").partition("E")[0].strip("0")
    return math.ceil(len(digits) / 2) + 1 + text.startswith("-")


_SIZES: Mapping[str, Callable[[Any], int]] = {
    "S": lambda text: len(text.encode()),
    "N": _size_of_number,
    "B": lambda base64: len(base64) * 3 // 4,
    "BOOL": lambda _: 1,
    "NULL": lambda _: 1,
    "SS": lambda texts: sum(len(one.encode()) for one in texts),
    "NS": lambda numbers: sum(map(_size_of_number, numbers)),
    "L": lambda values: NESTED_BYTES + sum(1 + size_of_value(one) for one in values),
    "M": lambda values: NESTED_BYTES + sum(1 + size_of({name: one}) for name, one in values.items()),
}
"""By the kind that the API names."""
