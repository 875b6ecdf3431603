"""A kombu channel on SQS and SNS.

Direct routes end in SQS queues, fanout exchanges are SNS topics. In a worker, threads poll and the worker's loop takes
the messages from them; elsewhere (Flower, ``celery inspect``) whoever drains polls itself.
"""

import logging
import math
import uuid
from collections import deque
from collections.abc import Callable
from queue import Empty
from typing import TYPE_CHECKING, Any

from amqp.protocol import queue_declare_ok_t
from kombu.exceptions import InconsistencyError
from kombu.transport import virtual
from kombu.utils.json import dumps

from ems.aws.clients import SQS_LONG_POLL_SECONDS
from ems.broker import envelopes, names
from ems.broker.acks import Done
from ems.broker.envelopes import Payload, Received
from ems.broker.polling import RECEIVE_MAX, Handover, Poller, Room
from ems.broker.qos import QoS
from ems.broker.receiving import EAGER_POLL_SECONDS, Receiver
from ems.messages import RefusedMessageError

if TYPE_CHECKING:
    from ems.broker.transport import Transport

logger = logging.getLogger(__name__)


class Channel(virtual.Channel):
    """Declares, publishes, consumes and settles."""

    QoS = QoS
    supports_fanout = True
    connection: "Transport"

    def __init__(self, connection: "Transport", **kwargs: Any) -> None:
        super().__init__(connection, **kwargs)
        self.shared = connection.shared
        self.room = Room(free=self._free, total=lambda: self.qos.prefetch_count or RECEIVE_MAX)
        self._pollers: dict[str, Poller] = {}
        self._stopped_pollers: list[Poller] = []
        self._receivers: dict[str, Receiver] = {}
        self._turns: deque[str] = deque()
        self._no_ack: set[str] = set()
        self._own_queues: set[str] = set()

    # Declaring

    def exchange_declare(  # type: ignore[override]  # the rest is passed on as it comes
        self,
        exchange: str | None = None,
        type: str = "direct",  # noqa: A002 - kombu's signature
        **kwargs: Any,
    ) -> None:
        """Declare an exchange; topic becomes fanout.

        SNS knows no routing keys, and the one topic exchange that Celery declares, for events, is read whole
        (routing key ``#``) by everything that listens to it on this transport.
        """
        super().exchange_declare(exchange, "fanout" if type == "topic" else type, **kwargs)

    def queue_declare(  # type: ignore[override]  # passive makes no difference here
        self, queue: str | None = None, *, exclusive: bool = False, auto_delete: bool = False, **_kwargs: Any
    ) -> queue_declare_ok_t:
        """Create a temporary queue; a working queue is left to ``ems provision`` and found when it is used."""
        queue = queue or f"amq.gen-{uuid.uuid4()}"
        if exclusive or auto_delete or names.is_reply_queue(queue):
            self.shared.temporary.open(queue)
            if auto_delete:
                self._own_queues.add(queue)
        return queue_declare_ok_t(queue, 0, 0)

    def _queue_bind(self, exchange: str, _routing_key: str, _pattern: Any, queue: str) -> None:
        if self.typeof(exchange).type == "fanout":
            self.shared.temporary.subscribe(queue, exchange)

    def after_reply_message_received(self, queue: str) -> None:
        """Remove a reply queue once its replies are in, unless its owner keeps it (:mod:`ems.broker.control`)."""
        if queue in self._own_queues:
            self._own_queues.discard(queue)
            self.shared.temporary.close(queue)
        self.state.queue_bindings_delete(queue)

    # Publishing

    def _lookup(self, exchange: str, routing_key: str, default: str | None = None) -> list[str]:
        # The binding of a reply queue is known only to the process that waits for the reply.
        if names.is_reply_exchange(exchange):
            return [names.reply_queue(exchange, routing_key)]
        return list(super()._lookup(exchange, routing_key, default))

    def _put(self, queue: str, message: Payload, **_kwargs: Any) -> None:
        try:
            url = self.shared.queue_url(queue)
            self.shared.sqs.send_message(QueueUrl=url, MessageBody=dumps(message))
        except self.shared.sqs.exceptions.QueueDoesNotExist as error:
            self.shared.forget_url(queue)
            if names.is_reply_queue(queue):
                raise InconsistencyError("nobody waits for this reply any more") from error
            raise

    def _put_fanout(self, exchange: str, message: Payload, routing_key: str, **_kwargs: Any) -> None:
        del routing_key  # SNS knows none
        if names.is_control_exchange(exchange):
            self.shared.topics.publish(exchange, dumps(message))
        else:
            self.shared.events.add(exchange, dumps(message))

    def _purge(self, queue: str) -> int:
        size = self._size(queue)
        self.shared.sqs.purge_queue(QueueUrl=self.shared.queue_url(queue))
        return size

    def _size(self, queue: str) -> int:
        answer = self.shared.sqs.get_queue_attributes(
            QueueUrl=self.shared.queue_url(queue), AttributeNames=["ApproximateNumberOfMessages"]
        )
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    # Consuming

    def basic_consume(  # type: ignore[override]  # kombu passes all four and uses no result
        self,
        queue: str,
        no_ack: bool,  # noqa: FBT001 - kombu's signature
        callback: Callable[[Any], Any],
        consumer_tag: str,
        **kwargs: Any,
    ) -> None:
        """Begin to receive from a queue, through a poll of its own when a worker's loop runs."""
        if no_ack:
            self._no_ack.add(queue)
        self._receivers[queue] = Receiver(
            self.shared, queue, visibility_timeout=None if no_ack else self.connection.visibility_timeout
        )
        super().basic_consume(queue, no_ack, callback, consumer_tag, **kwargs)
        self._turns = deque(self._active_queues)
        if self.connection.hub is not None and queue not in self._pollers:
            self._pollers[queue] = self._poller(queue, self.connection.hub)
            self._pollers[queue].start()

    def basic_cancel(self, consumer_tag: str) -> None:
        """Stop receiving; what a poll under way still brings is given back."""
        queue = self._tag_to_queue.get(consumer_tag)
        super().basic_cancel(consumer_tag)
        self._turns = deque(self._active_queues)
        poller = self._pollers.pop(queue, None) if queue else None
        if queue is not None and poller is not None:
            poller.stop()
            if queue not in self._no_ack:
                self._stopped_pollers.append(poller)

    def basic_qos(self, prefetch_size: int = 0, prefetch_count: int = 0, apply_global: bool = False) -> None:  # noqa: FBT001, FBT002 - kombu's signature
        """Hold that many messages from now on; a pool that grew makes room before any task ends."""
        super().basic_qos(prefetch_size, prefetch_count, apply_global)
        self.room.grown()

    def drain_events(self, timeout: float | None = None, callback: Any = None, **_kwargs: Any) -> None:
        """Receive once, for a consumer without a loop.

        A caller who waits for replies keeps to his timeout. A listener to events listens for a whole long poll, which
        costs a twentieth of the calls.

        Raises:
            queue.Empty: Nothing came, or a loop does the receiving.
        """
        del callback  # the transport's own, which finds the consumer as _deliver does
        if self.connection.hub is not None or not self._turns or not self._free():
            raise Empty
        queue = self._turns[0]
        self._turns.rotate(-1)
        wait = SQS_LONG_POLL_SECONDS
        if timeout and names.is_reply_queue(queue):
            wait = min(math.ceil(timeout), wait)
        messages = self._receivers[queue].receive(min(self._free(), RECEIVE_MAX), wait_seconds=wait)
        if not messages:
            raise Empty
        self._deliver(queue, messages)

    def _poller(self, queue: str, hub: Any) -> Poller:
        receiver = self._receivers[queue]
        return Poller(
            queue,
            room=self.room,
            poll=receiver.poll,
            fetch=lambda count: receiver.receive(count, wait_seconds=0),
            hand_over=lambda handover: hub.call_soon(self._take, queue, handover),
            give_back=self._give_back,
        )

    def _free(self) -> int:
        free = self.qos.can_consume_max_estimate()
        return RECEIVE_MAX if free is None else free

    def _take(self, queue: str, handover: Handover) -> None:
        """Run the consumer's callback on polled messages, in the worker's loop."""
        try:
            self._deliver(queue, handover.messages)
        finally:
            handover.taken()
            self.connection.look_again()

    def _deliver(self, queue: str, messages: list[Received]) -> None:
        callback = None if self.closed else self.connection.consumer_of(queue)
        if callback is None:
            self._give_back(messages)
            return
        for received in messages:
            payload = self._payload(queue, received)
            if payload is not None:
                callback(payload)

    def _payload(self, queue: str, received: Received) -> Payload | None:
        """Make the payload; None for a body that is refused, which the queue's redrive policy takes away in time."""
        try:
            if queue in self._no_ack:
                self.shared.acks.add(Done(received.queue_url, received.receipt_handle, received.message_id))
                return envelopes.broadcast_payload(received)
            outside_task = self.connection.outside_tasks.get(queue)
            return envelopes.task_payload(received, queue=queue, outside_task=outside_task, tasks=self.connection.tasks)
        except RefusedMessageError as refusal:
            logger.error("message %s on %s is refused: %s", received.message_id, queue, refusal)  # noqa: TRY400 - the words suffice
            return None

    # Settling

    def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:  # noqa: FBT001, FBT002 - kombu's signature
        """Acknowledge a message whose task is done; it is deleted within milliseconds."""
        try:
            info = self.qos.get(delivery_tag).delivery_info
        except KeyError:
            logger.warning("a task was done after its channel had given its message back; SQS delivers it again")
            return
        self.shared.acks.add(Done(info["sqs_queue"], delivery_tag, info["sqs_message_id"]))
        super().basic_ack(delivery_tag, multiple)

    def _restore(self, message: Any) -> None:
        """Let SQS deliver a message again at once, for a reject with requeue and when the channel closes."""
        info = message.delivery_info
        self.shared.give_back(
            Received(
                message_id=info["sqs_message_id"],
                receipt_handle=message.delivery_tag,
                body=dumps(message.serializable()),
                queue_url=info["sqs_queue"],
                receives=info["receives"],
            )
        )

    def _give_back(self, messages: list[Received]) -> None:
        for received in messages:
            self.shared.give_back(received)

    def close(self) -> None:
        """Stop receiving, give back what is not done, and remove the temporary queues declared here.

        Waits for a poll that hides what it brings for a whole visibility timeout, not for one of a quiet queue
        (:meth:`ems.broker.receiving.Receiver.poll`).
        """
        if self.closed:
            return
        super().close()
        for poller in self._stopped_pollers:
            poller.join(EAGER_POLL_SECONDS + 1)
        for queue in self._own_queues:
            self.shared.temporary.close(queue)
