"""What all tasks share: the process's services, and how a message is handed in again."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import structlog
from billiard.einfo import ExceptionInfo
from celery import Task

from ems import messages
from ems.aws.sqs import OutgoingMessage
from ems.errors import UnavailableError
from ems.sending.outcomes import Delivery, Postponed, after_unavailable
from ems.tasks.descriptions import described
from ems.wiring import Services

log = structlog.get_logger()

Payload = TypeVar("Payload")


class EmsTask(Task[Any, Any]):
    """A task of a process with *services*; :func:`ems.celery.create_app` registers one instance of each kind.

    Arguments come as keywords and only ever grow; ``**_future`` takes what a newer release adds.
    """

    abstract = True
    Request = "ems.tasks.request:EmsRequest"

    def __init__(self, services: Services) -> None:
        self.services = services

    def prepare(self) -> None:
        """Make what the first run would have to make."""
        self.services.tables.connection.connect()
        _ = self.services.sqs

    def on_failure(
        self, exc: Exception, task_id: str, args: tuple[Any, ...], kwargs: dict[str, Any], einfo: ExceptionInfo
    ) -> None:
        """Note why this run failed, for ``ems dlq``; the message comes back after its visibility timeout."""
        del args, kwargs, einfo  # Celery's signature
        # Celery keeps three fields of the delivery's own record, and the whole of it among the properties.
        delivery: Mapping[str, Any] = (self.request.properties or {}).get("delivery_info", {})
        try:
            self.services.failed_runs.add(task_id, receive=delivery.get("receives", 0), error=described(exc))
        except UnavailableError as error:
            log.warning("failed run not noted", task_id=task_id, reason=str(error))

    def conclude(self, delivery: Delivery, again: Callable[[], OutgoingMessage], **about: str) -> None:
        """Hand the message in again, as *again* makes it, if the delivery was postponed; the log tells *about* it.

        The copy is in the queue before this message is acknowledged, so nothing is lost between the two; the ledger
        makes a second copy harmless. Waiting this way spends no receive of the message.

        Raises:
            UnavailableError: SQS does not take the copy; the message itself comes back after its visibility timeout.
        """
        if not isinstance(delivery, Postponed):
            return
        log.info("postponed", seconds=delivery.delay_seconds, reason=delivery.reason, **about)
        delayed = replace(again(), delay_seconds=delivery.delay_seconds)
        self.services.sqs.send(messages.QUEUE_OF_TASK[self.name], [delayed])


def or_postponed(deliver: Callable[[Payload], Delivery], payload: Payload) -> Delivery:
    """Deliver; a service that is out of reach is a reason to wait, not a failure of the message."""
    try:
        return deliver(payload)
    except UnavailableError as error:
        return after_unavailable(error)
