"""The suppression list as a CSV file: ``address,reason,scope,since,source``.

Only the address is needed; the other columns may be missing, in any order, or empty. ``since`` is ISO 8601. Every line
is read by itself, since no field holds a line break: so a quote that nobody closes spoils one line and not the rest.
What a spreadsheet would run as a formula has an apostrophe before it; reading takes that away (``cells``).
"""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol, TypeVar

from ems.errors import InvalidError
from ems.sending.addresses import has_control_characters
from ems.sending.cells import harmless, meant
from ems.sending.suppressions import checked_address, usual_scope
from ems.store.parallel import PAGE, in_pages
from ems.store.reasons import REASONS, SCOPES
from ems.store.suppressions import Suppression

COLUMNS = ("address", "reason", "scope", "since", "source")
MAX_SOURCE = 200

Word = TypeVar("Word", bound=str)


class TextFile(Protocol):
    """Where lines are written."""

    def write(self, text: str, /) -> object:
        """Write *text*."""


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is no entry: its number, from 1 for the header, and what is wrong with which column.

    Also one of another list, by its place from 1.
    """

    number: int
    reason: str


def read_entries(lines: Iterable[str], *, now: float) -> Iterator[Suppression | BadLine]:
    """Read a file line by line; what a line leaves open is ``manual``, as usual for the reason, from *now* on.

    Raises:
        InvalidError: The header names no address, or a column that there is not.
    """
    numbered = enumerate(lines, start=1)
    columns = _columns(next(numbered, (1, ""))[1])
    for number, line in numbered:
        if not line.strip():
            continue
        try:
            yield _entry(_named(_fields(line), columns), now)
        except InvalidError as error:
            yield BadLine(number, str(error))


def write_entries(entries: Iterable[Suppression], file: TextFile, *, progress: Callable[[int], None]) -> int:
    """Write a file that :func:`read_entries` reads; returns how many entries it has.

    *progress* is told how many were written since it was last told.
    """
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    written = 0
    for page in in_pages(entries, PAGE):
        writer.writerows(_row(one) for one in page)
        written += len(page)
        progress(len(page))
    return written


def _row(one: Suppression) -> tuple[str, ...]:
    since = datetime.fromtimestamp(one.since, tz=UTC).isoformat()
    return harmless(one.address), one.reason, one.scope, since, harmless(one.source or "")


def _columns(header: str) -> list[str]:
    columns = [name.strip().lower() for name in _fields(header)] if header.strip() else []
    wrong = [name for name in columns if name not in COLUMNS or columns.count(name) > 1]
    if wrong or "address" not in columns:
        found = f", not {', '.join(repr(name) for name in wrong)}" if wrong else ", address among them"
        raise InvalidError("header", f"start with a line of the columns {', '.join(COLUMNS)}, each once{found}")
    return columns


def _fields(line: str) -> list[str]:
    try:
        return next(csv.reader([line.rstrip("\r\n")], strict=True))
    except csv.Error as error:
        raise InvalidError("line", f"is no CSV ({error}); close what is quoted, and double quotes within") from None


def _named(fields: Sequence[str], columns: Sequence[str]) -> dict[str, str]:
    if len(fields) != len(columns):
        raise InvalidError("line", f"has {len(fields)} fields, and the header names {len(columns)}")
    return {column: meant(field.strip()) for column, field in zip(columns, fields, strict=True)}


def _entry(named: dict[str, str], now: float) -> Suppression:
    reason = _one_of(REASONS, named.get("reason") or "manual", column="reason")
    scope = named.get("scope")
    return Suppression(
        checked_address(named["address"]),
        reason=reason,
        scope=_one_of(SCOPES, scope, column="scope") if scope else usual_scope(reason),
        source=_source(named.get("source") or "import"),
        since=_moment(since) if (since := named.get("since")) else now,
    )


def _one_of(words: Sequence[Word], text: str, *, column: str) -> Word:
    for word in words:
        if word == text.lower():
            return word
    raise InvalidError(column, f"{text!r} is none of {', '.join(words)}")


def _source(text: str) -> str:
    if len(text) > MAX_SOURCE or has_control_characters(text):
        raise InvalidError("source", f"give at most {MAX_SOURCE} characters, without control characters")
    return text


def _moment(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InvalidError("since", f"{text!r} is no time of ISO 8601 with an offset, such as 2026-01-31T09:00:00Z")
    return moment.timestamp()
