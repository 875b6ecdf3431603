"""The kombu transport: SQS for tasks, SNS for broadcasts, nothing else.

Named to Celery as ``broker_transport = "ems.broker.transport:Transport"`` with ``broker_url = "sqs://"``: kombu takes
no module path from a URL. Endpoint, region and credentials are those of the standard AWS environment.

It replaces kombu's own SQS transport (5.7), which cannot carry remote control and events; docs/adr says why it is no
subclass of it.
"""

import contextlib
import functools
import signal
import socket
import threading
from collections.abc import Callable, Collection, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from kombu.transport import virtual

from ems.broker import names, upstream
from ems.broker.channel import Channel
from ems.broker.shared import shared

TIMER_SECONDS = 0.001
"""How soon the worker's loop looks again when more timers are due than it fires in one round."""


class Transport(virtual.Transport):
    """One connection's view of the account.

    Transport options:
        ``visibility_timeout``: seconds for which a received task is hidden from other workers; default: the queue's,
        and then what SQS answers to the poll of a killed worker is hidden for as long as well.
        ``outside_tasks``: queue name to the task that takes messages from outside Celery (their body as the keyword
        argument ``message``).
        ``tasks``: names of the tasks that may be run; default: any. A message of another is left to the redrive policy.
    """

    Channel = Channel
    driver_type = "sqs"
    driver_name = "sqs"
    polling_interval = 0.01  # between two long polls of a consumer without a loop
    # An answer of AWS that refuses (ClientError) counts too: throttling passes, and a missing permission is better seen
    # in the log of a worker that tries again than in one that is gone.
    connection_errors = (*virtual.Transport.connection_errors, BotoCoreError, ClientError, OSError)
    channel_errors = (*virtual.Transport.channel_errors, BotoCoreError, ClientError)
    implements = virtual.Transport.implements.extend(
        asynchronous=True, exchange_type=frozenset({"direct", "fanout"}), heartbeats=False
    )

    def __init__(self, client: Any, **kwargs: Any) -> None:
        super().__init__(client, **kwargs)
        options = client.transport_options
        self.visibility_timeout: int | None = options.get("visibility_timeout")
        self.outside_tasks: Mapping[str, str] = options.get("outside_tasks", {})
        self.tasks: Collection[str] | None = options.get("tasks")
        self.shared = shared()
        self.hub: Any = None
        self._keepalive: tuple[socket.socket, socket.socket] | None = None
        self._signals = False

    @property
    def default_connection_params(self) -> dict[str, Any]:
        """Nothing: botocore finds the endpoint."""
        return {}

    def establish_connection(self) -> "Transport":
        """Make sure that SQS is there, so that Celery waits and tries again while it is not. Any answer will do.

        Raises:
            botocore.exceptions.BotoCoreError: SQS does not answer.
        """
        with contextlib.suppress(ClientError):
            self.shared.sqs.list_queues(QueueNamePrefix=names.PREFIX, MaxResults=1)
        super().establish_connection()
        return self

    def register_with_event_loop(self, connection: Any, loop: Any) -> None:
        """Receive through the worker's loop from now on."""
        del connection
        self.hub = loop
        # The hub waits for its wake-up call only while it watches a socket, else it naps 0.1 s (Hub.create_loop).
        self._keepalive = socket.socketpair()
        loop.add_reader(self._keepalive[0], self._keepalive[0].recv, 64)
        self._keepalive[1].settimeout(0)  # as set_wakeup_fd wants it
        # A SIGTERM that the loop sees only at its next timer comes after the SIGKILL of an impatient process manager.
        self._signals = threading.current_thread() is threading.main_thread()
        if self._signals:
            signal.set_wakeup_fd(self._keepalive[1].fileno(), warn_on_full_buffer=False)
        if upstream.hub_needs_haste():
            # Left to itself it naps a whole second when more than ten timers are due at once (Hub.fire_timers).
            loop.fire_timers = functools.partial(type(loop).fire_timers, loop, min_delay=TIMER_SECONDS)

    def look_again(self) -> None:
        """Let the worker's loop go round once more.

        What the loop's own thread puts into it, such as the acknowledgement of a task that expired, would wait for the
        next timer, up to a heartbeat: the loop looks at what is ready, then at its sockets (``Hub.create_loop``).
        """
        if self._keepalive is not None and upstream.hub_needs_haste():
            with contextlib.suppress(BlockingIOError):  # full of calls that the loop has not answered yet
                self._keepalive[1].send(b"\0")

    def consumer_of(self, queue: str) -> Callable[[Any], object] | None:
        """Return what takes the messages of a queue; None when its consumer was cancelled."""
        return (self._callbacks or {}).get(queue)

    def close_connection(self, connection: Any) -> None:
        """Close the channels, and see their acknowledgements through."""
        super().close_connection(connection)
        self.shared.acks.flush()
        self.shared.events.flush()
        if self._keepalive is not None:
            if self._signals:
                signal.set_wakeup_fd(-1)
            self.hub.remove_reader(self._keepalive[0])
            for end in self._keepalive:
                end.close()
            self._keepalive = self.hub = None
