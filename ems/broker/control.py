"""Remote control whose caller keeps its reply queue.

kombu makes a reply queue for every call and removes it afterwards, under a name made of the caller's memory addresses,
which come again. SQS takes a name back only 60 seconds after its queue was deleted, so the second call of Flower would
fail. Here each thread has one reply queue for as long as its process lives.

The Celery app names it: ``Celery("ems", control="ems.broker.control:Control")``.
"""

import os
import threading
import uuid
from functools import lru_cache

from celery.app.control import Control as CeleryControl
from kombu import Queue
from kombu.pidbox import Mailbox as KombuMailbox

from ems.broker import names


@lru_cache(maxsize=256)
def _reply_id(process: int, thread: int) -> str:
    """Identify one thread of one process, unlike any other process before or after."""
    del process, thread  # they are the cache's key
    return str(uuid.uuid4())


class Mailbox(KombuMailbox):
    """A mailbox with one reply queue a thread."""

    @property
    def oid(self) -> str:
        """The routing key of this thread's replies."""
        return _reply_id(os.getpid(), threading.get_ident())

    def get_reply_queue(self) -> Queue:
        """Return this thread's reply queue, which no channel removes."""
        return Queue(
            names.reply_queue(self.reply_exchange_fmt % self.namespace, self.oid),
            exchange=self.reply_exchange,
            routing_key=self.oid,
            durable=False,
            auto_delete=False,
        )


class Control(CeleryControl):
    """Celery's remote control, through :class:`Mailbox`."""

    Mailbox = Mailbox
