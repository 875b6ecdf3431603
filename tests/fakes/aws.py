"""boto3's SQS client, as far as it only has to remember what it was asked."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import EndpointConnectionError


@dataclass
class RecordingSqs:
    """Remembers each call with the texts of its arguments but for the queue; ``down`` holds the calls that fail."""

    down: set[str] = field(default_factory=set)
    calls: list[tuple[str, set[str]]] = field(default_factory=list)

    def send_message(self, **arguments: Any) -> None:
        self._note("send_message", arguments)

    def delete_message(self, **arguments: Any) -> None:
        self._note("delete_message", arguments)

    def change_message_visibility(self, **arguments: Any) -> None:
        self._note("change_message_visibility", arguments)

    def _note(self, call: str, arguments: dict[str, Any]) -> None:
        if call in self.down:
            raise EndpointConnectionError(endpoint_url=arguments["QueueUrl"])
        texts = {value for name, value in arguments.items() if name != "QueueUrl" and isinstance(value, str)}
        self.calls.append((call, texts))


@contextmanager
def counted_calls(client: Any) -> Iterator[Counter[str]]:
    """Count a client's calls by operation while the block runs."""
    calls: Counter[str] = Counter()

    def count(*, model: Any, **_: Any) -> None:
        calls.update([model.name])

    client.meta.events.register("before-call", count)
    try:
        yield calls
    finally:
        client.meta.events.unregister("before-call", count)
