"""An operator, who decides about a load and looks after its dead letters."""

from collections.abc import Iterable
from typing import Any

from stage.polling import until

from ems import queues
from ems.aws.sqs import OutgoingMessage
from lab.caller import Accepted, insist
from lab.stand import Stand

DEAD = queues.dead_letter(queues.TRIGGER)


class Operator:
    """Orders by HTTP, again and again while nothing is heard; works on dead letters as ``ems dlq`` does."""

    def __init__(self, stand: Stand, accepted: Accepted) -> None:
        self._stand = stand
        self._accepted = accepted

    @property
    def counts(self) -> dict[str, int]:
        """How the batch stands."""
        counts = self._stand.api.batch(str(self._accepted.batch_id))["counts"]
        return {state: number for state, number in counts.items() if number}

    def resend(self, number: int) -> None:
        """Have the batch's recipients in doubt sent to again; there must be *number* of them that are held."""
        answer = self._order("resolve", {"decision": "resend"})
        assert answer["decided"] == number, answer

    def give_up(self) -> None:
        """Give the batch's recipients in doubt up."""
        self._order("resolve", {"decision": "failed"})

    def retry(self) -> None:
        """Have the batch's failures sent again that may pass."""
        self._order("retry", None)

    def bury(self, bodies: Iterable[str]) -> None:
        """Let messages be dead letters."""
        self._stand.services.sqs.send(DEAD, [OutgoingMessage(body) for body in bodies])

    def redrive(self) -> None:
        """Try all dead letters again."""
        self._stand.services.dead_letters.redrive(queues.TRIGGER)

    def drop(self) -> None:
        """Give all dead letters up, as often as some of them stay."""
        until(lambda: not self._stand.services.dead_letters.drop(queues.TRIGGER).kept)

    def sees(self, **counts: int) -> None:
        """Wait until the batch stands so."""
        until(lambda: self.counts == counts)

    def _order(self, what: str, body: dict[str, Any] | None) -> Any:
        return insist(self._stand.api, f"/batches/{self._accepted.batch_id}/{what}", body)
