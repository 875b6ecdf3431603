"""``/batches``: how far a bulk request is, its brakes, and what is to become of doubts and failures."""

from dataclasses import asdict

from ems.sending.requests import BatchView
from ems.sending.resolve import Order
from ems.web.answers import Batch, Resolution, RetryAnswer
from ems.web.bodies import DryRunQuery, Resolve
from ems.web.operations import operation
from ems.web.services import Batches as BatchService
from ems.web.services import Resolver, Retries


class Batches:
    """Reads and steers batches."""

    def __init__(self, batches: BatchService, resolver: Resolver, retries: Retries) -> None:
        self._batches = batches
        self._resolver = resolver
        self._retries = retries

    @operation("GET /batches/{batch_id}", scope="read", tag="batches", problems=(404, 503))
    def get_batch(self, batch_id: str) -> Batch:
        """Read a batch: status, counts, rate and time to its end, and whom nobody knows to be sent to."""
        return self._answer(self._batches.get(batch_id))

    @operation("POST /batches/{batch_id}/pause", scope="send", tag="batches", problems=(404, 409, 503))
    def pause_batch(self, batch_id: str) -> Batch:
        """Hold what is not with a sender yet; resume goes on with it."""
        return self._answer(self._batches.pause(batch_id))

    @operation("POST /batches/{batch_id}/resume", scope="send", tag="batches", problems=(404, 409, 503))
    def resume_batch(self, batch_id: str) -> Batch:
        """Go on with a paused batch."""
        return self._answer(self._batches.resume(batch_id))

    @operation("POST /batches/{batch_id}/cancel", scope="send", tag="batches", problems=(404, 409, 503))
    def cancel_batch(self, batch_id: str) -> Batch:
        """Never send what is not with a sender yet. This cannot be undone."""
        return self._answer(self._batches.cancel(batch_id))

    @operation("POST /batches/{batch_id}/resolve", scope="send", tag="batches", problems=(400, 404, 415, 422, 503))
    def resolve_batch(self, batch_id: str, body: Resolve, query: DryRunQuery, by: str) -> Resolution:
        """Decide about the recipients of a batch that are in doubt.

        Only about those whose window is over; before that an SES event may settle them. An event that comes later
        still counts a mail as sent that was given up.
        """
        order = Order(body.decision, by, query.dry_run)
        return Resolution.of(order, self._resolver.batch(batch_id, order))

    @operation("POST /batches/{batch_id}/retry", scope="send", tag="batches", problems=(404, 409, 422, 503))
    def retry_batch(self, batch_id: str, query: DryRunQuery, by: str) -> RetryAnswer:
        """Send again to exactly those who failed for a reason that may pass (a mail's may_pass).

        Never to those sent to, suppressed, cancelled or in doubt. Repeating the call sends nobody two mails.
        """
        retry = self._retries.batch(batch_id, by=by, dry_run=query.dry_run)
        return RetryAnswer(batch_id=batch_id, dry_run=query.dry_run, retried=retry.retried, impossible=retry.impossible)

    def _answer(self, view: BatchView) -> Batch:
        doubts = self._resolver.first_doubts(view.batch_id) if view.counts.in_doubt else []
        return Batch.model_validate(asdict(view) | {"doubts": doubts})
