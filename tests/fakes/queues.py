"""SQS in memory: visibility timeouts, delays and receive counts, said in Python."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ems.aws.sqs import Depth, OutgoingMessage, ReceivedMessage
from ems.errors import UnavailableError

VISIBILITY_SECONDS = 120


@dataclass
class _Held:
    number: int
    message: OutgoingMessage
    visible_at: float
    receipts: int = 0
    sent_at: float = 0


@dataclass
class MemorySqs:
    """Stands in for :class:`ems.aws.sqs.Sqs`. ``down`` holds the names of methods that fail.

    ``calls`` tells of each writing call its name, the queue and how many messages it was about.
    """

    clock: Callable[[], float]
    down: set[str] = field(default_factory=set)
    taken_before_failing: int = 0
    queues: dict[str, list[_Held]] = field(default_factory=dict)
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    calls: list[tuple[str, str, int]] = field(default_factory=list)

    def send(self, queue: str, messages: Sequence[OutgoingMessage]) -> None:
        taken = list(messages)
        self.calls.append(("send", queue, len(taken)))
        if "send" in self.down:
            taken = taken[: self.taken_before_failing]
        held = self.queues.setdefault(queue, [])
        for message in taken:
            visible_at = self.clock() + message.delay_seconds
            held.append(_Held(next(self.numbers), message, visible_at, sent_at=self.clock()))
        self._fail_if_down("send")

    def receive(
        self, queue: str, *, limit: int, wait_seconds: int = 0, visibility_seconds: int | None = None
    ) -> list[ReceivedMessage]:
        del wait_seconds
        self._fail_if_down("receive")
        visible = [one for one in self.queues.get(queue, []) if one.visible_at <= self.clock()][: min(limit, 10)]
        hidden = VISIBILITY_SECONDS if visibility_seconds is None else visibility_seconds
        for one in visible:
            one.visible_at = self.clock() + hidden
            one.receipts += 1
        return [
            ReceivedMessage(
                str(o.number), f"{o.number}.{o.receipts}", o.message.body, o.receipts, o.sent_at, o.message.group
            )
            for o in visible
        ]

    def show(self, queue: str, messages: Sequence[ReceivedMessage]) -> None:
        self._fail_if_down("show")
        self.calls.append(("show", queue, len(messages)))
        given_back = {message.receipt_handle.partition(".")[0] for message in messages}
        for one in self.queues.get(queue, []):
            if str(one.number) in given_back:
                one.visible_at = self.clock()

    def delete(self, queue: str, messages: Sequence[ReceivedMessage]) -> None:
        self._fail_if_down("delete")
        self.calls.append(("delete", queue, len(messages)))
        gone = {message.receipt_handle.partition(".")[0] for message in messages}
        self.queues[queue] = [one for one in self.queues.get(queue, []) if str(one.number) not in gone]

    def depth(self, queue: str) -> Depth:
        self._fail_if_down("depth")
        held = self.queues.get(queue, [])
        hidden = [one for one in held if one.visible_at > self.clock()]
        delayed = sum(not one.receipts for one in hidden)
        return Depth(visible=len(held) - len(hidden), in_flight=len(hidden) - delayed, delayed=delayed)

    def bodies(self, queue: str) -> list[str]:
        return [one.message.body for one in self.queues.get(queue, [])]

    def delays(self, queue: str) -> list[int]:
        return [one.message.delay_seconds for one in self.queues.get(queue, [])]

    def receive_counts(self, queue: str) -> list[int]:
        return [one.receipts for one in self.queues.get(queue, [])]

    def _fail_if_down(self, method: str) -> None:
        if method in self.down:
            raise UnavailableError("SQS", f"{method} is down on purpose")
