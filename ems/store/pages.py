"""Opaque cursors: where a listing goes on.

A cursor names the listing that it belongs to, so that one of another listing is refused instead of answering nonsense.
"""

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Generic, TypeVar

from ems.errors import InvalidError

Item = TypeVar("Item")

ROWS_READ_PER_PAGE = 1_000
"""A filtered page ends after this many rows, short or empty, and says where to go on."""


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some items, and the cursor of what follows; None at the end."""

    items: list[Item]
    next: str | None


def encode(listing: str, *keys: str) -> str:
    """Write a cursor of *listing* that goes on after *keys*."""
    plain = json.dumps([listing, *keys], separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def decode(cursor: str, listing: str, *, keys: int) -> list[str]:
    """Read the *keys* of a cursor.

    Raises:
        InvalidError: The cursor is none of this listing.
    """
    try:
        plain = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        raise wrong_cursor() from None
    if not isinstance(plain, list) or len(plain) != keys + 1 or plain[0] != listing:
        raise wrong_cursor()
    if not all(isinstance(key, str) and key for key in plain):
        raise wrong_cursor()
    return plain[1:]


def wrong_cursor() -> InvalidError:
    """Return the error of a cursor that belongs to no page of its listing."""
    return InvalidError("cursor", "is none of this listing; pass on the next of a page, or leave it out to start over")
