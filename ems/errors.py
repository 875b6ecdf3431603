"""What can go wrong in words a caller understands; the HTTP edge turns each into an RFC 9457 problem.

Raised by every layer above settings, so the module sits below them all and knows none of them.
"""

from dataclasses import dataclass


class EmsError(Exception):
    """Base of every error that EMS raises on purpose."""


class InvalidError(EmsError):
    """A field of the request cannot be accepted; says which one and what to do (422)."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


@dataclass(frozen=True, slots=True)
class RejectedRecipient:
    """One recipient of a bulk request that is not accepted. ``index`` is its place in the request, from 0."""

    index: int
    to: str
    error: str


class NoValidRecipientError(EmsError):
    """A bulk request in which no recipient can be accepted (422)."""

    def __init__(self, rejected: list[RejectedRecipient]) -> None:
        super().__init__("no recipient of this request can be accepted; see rejected for the reason of each")
        self.rejected = rejected


class TooLargeError(EmsError):
    """A request beyond a limit; the message names the limit (413)."""


class UnknownIdError(EmsError):
    """Nothing has this id (404). ``kind`` is campaign, batch, email or suppression."""

    def __init__(self, kind: str, identifier: str) -> None:
        super().__init__(f"there is no {kind} {identifier!r}")
        self.kind = kind
        self.identifier = identifier


class ConflictError(EmsError):
    """The request contradicts what is recorded (409): a reused idempotency key, an id that is taken, a wrong state."""


class UnavailableError(EmsError):
    """An AWS service cannot take the work now (503); nothing of the request will be sent. ``service`` names it."""

    def __init__(self, service: str, detail: str, *, retry_after: int = 5) -> None:
        super().__init__(f"{service} is not available: {detail}")
        self.service = service
        self.retry_after = retry_after
