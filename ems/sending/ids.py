"""Ids: deterministic where a retry must find its own traces, random otherwise.

All are URL-safe and fit SES message tags (``[A-Za-z0-9_-]``, at most 256 characters). A batch's mails have ids that
follow from its own (:mod:`ems.store.recipient_ids`).
"""

import hashlib
import json
import secrets
from base64 import b32encode
from collections.abc import Mapping
from typing import Any, Literal

_ID_BYTES = 15


def new_id(kind: Literal["email", "batch"], *, key_id: str, idempotency_key: str | None) -> str:
    """Derive an id from (API key, idempotency key), or draw one when the caller gave no key."""
    if idempotency_key is None:
        raw = secrets.token_bytes(_ID_BYTES)
    else:
        raw = hashlib.sha256(f"{kind}\0{key_id}\0{idempotency_key}".encode()).digest()[:_ID_BYTES]
    return kind[0] + b32encode(raw).decode().lower()


def fingerprint(content: Mapping[str, Any]) -> str:
    """Hash a request's content, so that a reused idempotency key with another body is noticed."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
