"""An operator's word about a single mail that waits in vain.

A web process that dies between the mail's row and its message leaves a row that nothing sends. Its caller was told
nothing; whoever repeats the request with its ``Idempotency-Key`` has it enqueued, and without a key it waits for this.
"""

from collections.abc import Sequence

from ems.sending.resolve import Order, Resolution
from ems.store.recipient_ids import split_recipient_id
from ems.store.singles import Singles
from ems.store.status import Status
from ems.store.unresolved import Unresolved


class StrandedOrders:
    """Ends single mails that no sender has taken in hand. Every method raises UnavailableError without AWS."""

    def __init__(self, singles: Singles) -> None:
        self._singles = singles

    @property
    def state(self) -> str:
        """Name the state that the orders are about."""
        return "a single mail that waits to be sent"

    def of_chunk(self, chunk: Unresolved) -> Sequence[str]:
        """Name nobody: a chunk's recipients wait with it, and cancelling the batch ends them."""
        del chunk
        return ()

    def decide(self, email_ids: Sequence[str], order: Order) -> Resolution:
        """End those that wait as failed; should there be a message of one after all, the sender drops it."""
        return Resolution(
            decided=sum(self._abandon(one, order) for one in email_ids if split_recipient_id(one) is None)
        )

    def _abandon(self, email_id: str, order: Order) -> bool:
        if order.dry_run:
            return self._singles.standing(email_id).status is Status.QUEUED
        reason = f"abandoned before it was sent, by {order.by}"
        return self._singles.settle(email_id, Status.FAILED, owner=None, reason=reason)
