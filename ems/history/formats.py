"""How exported mails are written: CSV for spreadsheets, NDJSON for programs. Times are ISO 8601 in UTC."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Literal, Protocol

from ems.errors import EmsError
from ems.sending.cells import harmless
from ems.sending.emails import EmailView
from ems.tracking.events import EventType

FormatName = Literal["csv", "ndjson"]

MAIL_COLUMNS = ("email_id", "batch_id", "recipient", "status", "message_id", "reason", "created_at", "sent_at")
COLUMNS = (*MAIL_COLUMNS, *(f"{event}_{what}" for event in EventType for what in ("first", "last", "count")))
"""The columns of a CSV file: the mail, and for each type of event when it came first and last, and how often."""


class Format(Protocol):
    """One way to write mails. Each method returns whole lines."""

    media_type: str
    head: str

    def mails(self, mails: Sequence[EmailView]) -> str:
        """Write some mails."""

    def broken(self, why: str) -> str:
        """Say in the file itself that it ends early."""


class Csv:
    """RFC 4180. A text that a spreadsheet would run as a formula gets an apostrophe before it; NDJSON has it as it is.

    A file that ends early has a last line whose first cell is ``#incomplete`` and whose second says why.
    """

    media_type = "text/csv"

    def __init__(self) -> None:
        self.head = _rows([COLUMNS])

    def mails(self, mails: Sequence[EmailView]) -> str:
        """Write a row for each mail."""
        return _rows([_cells(mail) for mail in mails])

    def broken(self, why: str) -> str:
        """Write the row that no whole file has."""
        return _rows([("#incomplete", harmless(why))])


class Ndjson:
    """A JSON object a line. ``moments`` is as in GET /emails: first, last and count by type of event.

    A file that ends early has a last line ``{"incomplete": why}``.
    """

    media_type = "application/x-ndjson"
    head = ""

    def mails(self, mails: Sequence[EmailView]) -> str:
        """Write an object for each mail."""
        return "".join(_line({**_of_mail(mail), "moments": _moments(mail)}) for mail in mails)

    def broken(self, why: str) -> str:
        """Write the object that no whole file has."""
        return _line({"incomplete": why})


def written(export: Iterable[Sequence[EmailView]], form: Format) -> Iterator[str]:
    """Write an export piece by piece, each when it is asked for; no piece is empty.

    Raises:
        Exception: Whatever kept the export from going on, after the file has been told so: the reader of what was
            already written, or sent, has no other way to know that it is not all.
    """
    if form.head:
        yield form.head
    try:
        for mails in export:
            if mails:
                yield form.mails(mails)
    except Exception as error:  # whatever it is, the file ends early
        yield form.broken(str(error) if isinstance(error, EmsError) else "an error of EMS, which its log tells")
        raise


def _rows(rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _line(value: object) -> str:
    return json.dumps(value, separators=(",", ":")) + "\n"


def _cells(mail: EmailView) -> list[object]:
    cells: list[object] = [harmless(value or "") for value in _of_mail(mail).values()]
    for event in EventType:
        moment = mail.moments.get(event.value)
        cells += ["", "", 0] if moment is None else [iso(moment["first"]), iso(moment["last"]), int(moment["count"])]
    return cells


def _of_mail(mail: EmailView) -> dict[str, str | None]:
    """Return what MAIL_COLUMNS name, in their order."""
    values = (
        mail.email_id,
        mail.batch_id,
        mail.recipient,
        mail.status.value,
        mail.message_id,
        mail.reason,
        iso(mail.created_at),
        iso(mail.sent_at),
    )
    return dict(zip(MAIL_COLUMNS, values, strict=True))


def _moments(mail: EmailView) -> dict[str, dict[str, str | int | None]]:
    return {
        event: {"first": iso(one["first"]), "last": iso(one["last"]), "count": int(one["count"])}
        for event, one in mail.moments.items()
    }


def iso(at: float | None) -> str | None:
    """Write epoch seconds, to the millisecond, as events have them."""
    return None if at is None else datetime.fromtimestamp(at, tz=UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


FORMATS: dict[FormatName, Format] = {"csv": Csv(), "ndjson": Ndjson()}
