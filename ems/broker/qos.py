"""How many messages a consumer holds."""

from typing import TYPE_CHECKING

from kombu.transport import virtual

if TYPE_CHECKING:
    from ems.broker.channel import Channel


class QoS(virtual.QoS):
    """Counts the messages in hand, and tells the polls when there is room for more."""

    channel: "Channel"

    def ack(self, delivery_tag: str) -> None:
        """Forget a message that is done."""
        super().ack(delivery_tag)
        self.channel.room.grown()

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:  # noqa: FBT001, FBT002 - kombu's signature
        """Forget a message that is not done; with *requeue* SQS delivers it again at once."""
        super().reject(delivery_tag, requeue=requeue)
        self.channel.room.grown()
