"""Signatures of posts, as Standard Webhooks has them (https://www.standardwebhooks.com, specification 1.0)."""

import base64
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from standardwebhooks.webhooks import Webhook

SECRET_BYTES = 32
"""The specification asks for 24 to 64."""

SECRET_PREFIX = "whsec_"  # noqa: S105 - the prefix of secrets is none


def new_secret() -> str:
    """Make a secret, in the form in which the libraries of Standard Webhooks take it."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signed_headers(message_id: str, body: str, *, keys: Sequence[str], at: float) -> Mapping[str, str]:
    """Return the headers that prove *body* to be ours and new, by each of *keys*. *at* is now, in epoch seconds."""
    moment = datetime.fromtimestamp(int(at), tz=UTC)
    signatures = [Webhook(key).sign(message_id, moment, body) for key in keys]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at)),
        "webhook-signature": " ".join(signatures),
    }
