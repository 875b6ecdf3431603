"""``/batches``: how far a bulk request is, and its brakes."""

from ems.web.answers import Batch
from ems.web.operations import operation
from ems.web.services import Batches as BatchService


class Batches:
    """Reads and steers batches."""

    def __init__(self, batches: BatchService) -> None:
        self._batches = batches

    @operation("GET /batches/{batch_id}", scope="read", tag="batches", problems=(404, 503))
    def get_batch(self, batch_id: str) -> Batch:
        """Read a batch: status, counts, rate and time to its end."""
        return Batch.model_validate(self._batches.get(batch_id))

    @operation("POST /batches/{batch_id}/pause", scope="send", tag="batches", problems=(404, 409, 503))
    def pause_batch(self, batch_id: str) -> Batch:
        """Hold what is not with a sender yet; resume goes on with it."""
        return Batch.model_validate(self._batches.pause(batch_id))

    @operation("POST /batches/{batch_id}/resume", scope="send", tag="batches", problems=(404, 409, 503))
    def resume_batch(self, batch_id: str) -> Batch:
        """Go on with a paused batch."""
        return Batch.model_validate(self._batches.resume(batch_id))

    @operation("POST /batches/{batch_id}/cancel", scope="send", tag="batches", problems=(404, 409, 503))
    def cancel_batch(self, batch_id: str) -> Batch:
        """Never send what is not with a sender yet. This cannot be undone."""
        return Batch.model_validate(self._batches.cancel(batch_id))
