"""Ids: deterministic where a retry must find its own traces, random otherwise.

All are URL-safe and fit SES message tags (``[A-Za-z0-9_-]``, at most 256 characters).
"""

import hashlib
import json
import secrets
from base64 import b32encode
from collections.abc import Mapping
from typing import Any, Literal

INDEX_DIGITS = 6
"""Digits of a recipient's place in its batch: a request holds fewer than a million."""

_ID_BYTES = 15


def new_id(kind: Literal["email", "batch"], *, key_id: str, idempotency_key: str | None) -> str:
    """Derive an id from (API key, idempotency key), or draw one when the caller gave no key."""
    if idempotency_key is None:
        raw = secrets.token_bytes(_ID_BYTES)
    else:
        raw = hashlib.sha256(f"{kind}\0{key_id}\0{idempotency_key}".encode()).digest()[:_ID_BYTES]
    return kind[0] + b32encode(raw).decode().lower()


def recipient_id(batch_id: str, index: int) -> str:
    """Name the mail to the recipient at *index* of a bulk request."""
    return f"{batch_id}-{index:0{INDEX_DIGITS}d}"


def split_recipient_id(email_id: str) -> tuple[str, int] | None:
    """Return (batch id, index) of a bulk recipient's mail; None for any other id."""
    batch_id, dash, index = email_id.rpartition("-")
    if not dash or len(index) != INDEX_DIGITS or not index.isdecimal():
        return None
    return batch_id, int(index)


def batch_of(email_id: str, recorded: str | None) -> str | None:
    """Return the batch of a mail: as its row says or, where only an event wrote the row, as its id does.

    None is a single mail.
    """
    parts = split_recipient_id(email_id)
    return recorded or (parts[0] if parts else None)


def fingerprint(content: Mapping[str, Any]) -> str:
    """Hash a request's content, so that a reused idempotency key with another body is noticed."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
