"""Checking the recipients of a bulk request one by one, and cutting them into chunks."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

from ems.aws.ses import UNSUBSCRIBE_VARIABLE
from ems.errors import RejectedRecipient
from ems.sending.addresses import AddressError, normalise
from ems.sending.payloads import CHUNK_BYTES, ChunkRecipient
from ems.sending.templates import line_breaking_variables, missing_variables, of_callers

ENTRY_FIELDS = frozenset({"to", "data"})
ADDRESS_BYTES = 2 * 320
"""Kept free for a recipient's address, at its longest and escaped."""


@dataclass(frozen=True, slots=True)
class Checked:
    """The recipients that are accepted, in the request's order, and those that are not, each with its reason."""

    accepted: list[ChunkRecipient]
    rejected: list[RejectedRecipient]


class Needs(Protocol):
    """What a template needs of data: a campaign's now, or a batch's as its campaign was when it was accepted."""

    @property
    def kind(self) -> str:
        """Return ``transactional``, or ``bulk``, whose mails have a variable of EMS's own."""

    @property
    def subject(self) -> str:
        """Return the source of the subject."""

    @property
    def variables(self) -> Sequence[str]:
        """Return the paths without which the template cannot be rendered."""


@dataclass(frozen=True, slots=True)
class Shared:
    """The data that all recipients of a request share, measured once for all of them.

    ``room`` is how many bytes of JSON one recipient's own data may have beside it; None when ``data`` holds a number
    that JSON cannot.
    """

    data: Mapping[str, Any]
    room: int | None

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """Measure *data*."""
        size = _measured(data)
        return cls(data, None if size is None else CHUNK_BYTES - ADDRESS_BYTES - size)


class _RejectedError(Exception):
    """Why one entry is not accepted."""


def check(needs: Needs, entries: Sequence[Any], *, shared: Mapping[str, Any]) -> Checked:
    """Check every entry ``{to, data?}`` on its own: one bad entry costs only itself.

    An address that an earlier entry already names (in any case) is a duplicate: it gets one mail.
    """
    accepted: list[ChunkRecipient] = []
    rejected: list[RejectedRecipient] = []
    first_use: dict[str, int] = {}
    measured = Shared.of(shared)
    for index, entry in enumerate(entries):
        try:
            recipient = _check_one(needs, index, entry, measured)
        except _RejectedError as error:
            rejected.append(RejectedRecipient(index, _shown(entry), str(error)))
            continue
        earlier = first_use.setdefault(recipient.to.lower(), index)
        if earlier == index:
            accepted.append(recipient)
        else:
            reason = f"duplicate: the address is already at index {earlier}; it gets one mail"
            rejected.append(RejectedRecipient(index, _shown(entry), reason))
    return Checked(accepted, rejected)


def chunked(
    recipients: Sequence[ChunkRecipient], *, shared: Mapping[str, Any], size: int
) -> Iterator[list[ChunkRecipient]]:
    """Cut into chunks of at most *size* recipients and :data:`CHUNK_BYTES`; the same input gives the same chunks."""
    room = CHUNK_BYTES - _size(shared)
    chunk: list[ChunkRecipient] = []
    used = 0
    for recipient in recipients:
        needed = _entry_size(recipient)
        if chunk and (len(chunk) == size or used + needed > room):
            yield chunk
            chunk, used = [], 0
        chunk.append(recipient)
        used += needed
    if chunk:
        yield chunk


def _check_one(needs: Needs, index: int, entry: Any, shared: Shared) -> ChunkRecipient:
    if not isinstance(entry, dict):
        raise _RejectedError('each recipient is an object such as {"to": "person@example.com", "data": {}}')
    unknown = entry.keys() - ENTRY_FIELDS
    if unknown:
        raise _RejectedError(f"unknown field {min(unknown)!r}; a recipient has to and data")
    address, data = entry.get("to"), entry.get("data")
    if not isinstance(address, str):
        raise _RejectedError("to must be a string with one address")
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise _RejectedError("data must be an object")
    try:
        to = normalise(address)
    except AddressError as error:
        raise _RejectedError(str(error)) from None
    problem = data_problem(needs, own=data, shared=shared)
    if problem is not None:
        raise _RejectedError(problem)
    return ChunkRecipient(index, to, data)


def data_problem(needs: Needs, *, own: Mapping[str, Any], shared: Shared) -> str | None:
    """Say what about the data would make SES fail to render the template; None if nothing."""
    if needs.kind == "bulk" and (UNSUBSCRIBE_VARIABLE in own or UNSUBSCRIBE_VARIABLE in shared.data):
        return f"data must not hold {UNSUBSCRIBE_VARIABLE!r}: EMS makes it for each mail of a bulk campaign"
    # Campaigns and batches of a release before links name that variable as one of the callers'.
    required = of_callers(needs.variables, kind=needs.kind)
    missing = missing_variables(required, shared=shared.data, own=own)
    if missing:
        return f"the template needs {_listed(missing)}; put it into data"
    breaking = line_breaking_variables(needs.subject, shared=shared.data, own=own)
    if breaking:
        return f"{_listed(breaking)} stands in the subject; remove its line breaks and control characters"
    size = _measured(own)
    if size is None or shared.room is None:
        return "data holds a number beyond what JSON numbers can hold (1.8e308); send it as text"
    if size > shared.room:
        return f"data has more than {CHUNK_BYTES} bytes of JSON; send less or link to it"
    return None


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names)


def _shown(entry: Any) -> str:
    to = entry.get("to") if isinstance(entry, dict) else entry
    return to[:320] if isinstance(to, str) else json.dumps(to)[:320]


def _entry_size(recipient: ChunkRecipient) -> int:
    return len(recipient.to) + _size(recipient.data) + 16


def _measured(data: Mapping[str, Any]) -> int | None:
    """Return the bytes of *data* as JSON.

    None when it holds a number that was read as infinite, as 1e999 is: JSON has no word for it, and SES could not
    render it.
    """
    try:
        return _size(data)
    except ValueError:
        return None


def _size(data: Mapping[str, Any]) -> int:
    return len(json.dumps(data, separators=(",", ":"), allow_nan=False)) if data else 2
