"""A request of an AWS SDK and what becomes of it, as they pass over a wire (:mod:`stage.wire`)."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs

from stage.product import kill_all

SES_OPERATIONS = (
    (re.compile(r"POST /v2/email/outbound-emails"), "SendEmail"),
    (re.compile(r"POST /v2/email/outbound-bulk-emails"), "SendBulkEmail"),
    (re.compile(r"GET /v2/email/account"), "GetAccount"),
)
"""The operations of SES v2 that anybody asks for here; the others go by method and path."""


@dataclass(frozen=True)
class Request:
    """What was asked."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @cached_property
    def operation(self) -> str:
        """The name of the API operation: ``UpdateItem``, ``SendMessageBatch``, ``SendEmail``, ``Publish``."""
        target = self.headers.get("X-Amz-Target")
        if target:
            return target.rpartition(".")[2]
        if self.is_ses:
            asked = f"{self.method} {self.path}"
            return next((name for pattern, name in SES_OPERATIONS if pattern.fullmatch(asked)), asked)
        return parse_qs(self.text).get("Action", [""])[0]

    @property
    def is_ses(self) -> bool:
        return self.path.startswith("/v2/email/")

    @property
    def is_sns(self) -> bool:
        """Whether it is in the query protocol, which only SNS speaks here."""
        return "X-Amz-Target" not in self.headers and not self.is_ses

    @cached_property
    def text(self) -> str:
        return self.body.decode()

    @cached_property
    def document(self) -> dict[str, Any]:
        """The body of a request in JSON."""
        return dict(json.loads(self.body or b"{}"))

    @cached_property
    def target(self) -> str:
        """The table or queue; of a request on many items their tables. Empty where there is none."""
        if self.is_ses or self.is_sns:
            return ""
        if "TransactItems" in self.document:
            return " ".join(write["TableName"] for item in self.document["TransactItems"] for write in item.values())
        if "RequestItems" in self.document:
            return " ".join(self.document["RequestItems"])
        return str(self.document.get("TableName") or self.document.get("QueueUrl", "").rpartition("/")[2])


@dataclass(frozen=True)
class Answer:
    """What goes back."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Exchange:
    """One request in the hands of an act.

    Attributes:
        request: What was asked.
        ask: Asks the real service.
        asker: Finds the process that asked.
        everyone: Lists all processes that could have asked.
    """

    request: Request
    ask: Callable[[Request], Answer]
    asker: Callable[[], int]
    everyone: Callable[[], Iterable[int]]

    def pass_on(self) -> Answer:
        """Ask the real service what was asked, and return its answer."""
        return self.ask(self.request)

    def kill_asker(self) -> None:
        """End the process that asked, as a crash does."""
        with suppress(LookupError):  # it has gone by itself
            kill_all([self.asker()])

    def kill_everyone(self) -> None:
        """End all processes, as the loss of a machine does."""
        kill_all(self.everyone())


Act = Callable[[Exchange], Answer | None]
"""What happens to an exchange; None ends the connection without an answer."""


@dataclass(frozen=True)
class Spot:
    """A kind of request: one of *operations* (``UpdateItem|PutItem``; empty: any), on a table or queue, with words."""

    operations: str = ""
    target: str = ""
    holds: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()

    def fits(self, request: Request) -> bool:
        return (
            (not self.operations or request.operation in self.operations.split("|"))
            and self.target in request.target
            and all(word in request.text for word in self.holds)
            and not any(word in request.text for word in self.lacks)
        )
