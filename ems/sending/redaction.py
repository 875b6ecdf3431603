"""Parking after somebody was erased: a message in a queue may still name the person, what is at rest must not."""

from collections.abc import Callable, Iterable, Mapping

from ems import messages
from ems.sending.payloads import ChunkPayload


class Redaction:
    """Takes people out of chunk messages.

    Args:
        last_erased_at: Tells when anybody was erased last (epoch seconds); None is never.
        erased: Tells which of some addresses were erased, and when.
    """

    def __init__(
        self,
        *,
        last_erased_at: Callable[[], float | None],
        erased: Callable[[Iterable[str]], Mapping[str, float]],
    ) -> None:
        self._last_erased_at = last_erased_at
        self._erased = erased

    def of(self, bodies: Mapping[int, str]) -> Mapping[int, str]:
        """Return chunk messages, by number, without those who were erased since they were accepted.

        Raises:
            UnavailableError: DynamoDB cannot be reached.
        """
        last = self._last_erased_at()
        return bodies if last is None else {number: self._without(body, last) for number, body in bodies.items()}

    def _without(self, body: str, last: float) -> str:
        chunk = ChunkPayload.of(messages.arguments_of(body)["chunk"])
        if chunk.accepted_at > last:
            return body
        erased = {address for address, at in self._erased(chunk.addresses).items() if chunk.accepted_at <= at}
        return chunk.without(erased).message().body if erased else body
