"""Task events leave a worker once a second instead of one by one."""

from typing import Any

from celery import bootsteps

FLUSH_SECONDS = 1.0
BUFFERED_EVENTS = 100
"""Flushed before the second is over when so many wait; they stay well within what one SNS message holds."""


class EventFlush(bootsteps.StartStopStep):
    """Part of a worker's consumer: flushes its event buffer by the clock.

    Celery flushes at the next turn of the worker's loop (``Consumer.on_send_event_buffered``), which with short tasks
    is after every event: each then pays for a message of its own. A person who watches Flower sees no second.
    """

    requires = ("celery.worker.consumer.events:Events",)

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        self._entry: Any = None

    def start(self, consumer: Any) -> None:
        """Take the flushing over; at every new connection, since each brings a new dispatcher."""
        consumer.event_dispatcher.on_send_buffered = None
        consumer.event_dispatcher.buffer_limit = BUFFERED_EVENTS
        self._entry = consumer.timer.call_repeatedly(FLUSH_SECONDS, consumer.event_dispatcher.flush)

    def stop(self, consumer: Any) -> None:
        """Flush what is left."""
        if self._entry is not None:
            self._entry.cancel()
            self._entry = None
        if consumer.event_dispatcher is not None:
            consumer.event_dispatcher.flush()
