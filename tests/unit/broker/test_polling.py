"""Polling: never more than there is room for, never a message held by a consumer that is gone."""

import queue
import threading
from collections.abc import Iterator

import pytest

from ems.broker.envelopes import Received
from ems.broker.polling import Handover, Poller, Room
from ems.broker.receiving import Patience


def received(number: int) -> Received:
    return Received(f"m-{number}", f"h-{number}", "{}", "http://sqs/q", receives=1)


class Worker:
    """A queue, a consumer with room for a few messages, and the poll between them."""

    def __init__(self, free: int) -> None:
        self.free = free
        self.room = Room(free=lambda: self.free, total=lambda: free)
        self.asked: queue.Queue[int] = queue.Queue()
        self.answers: queue.Queue[list[Received]] = queue.Queue()
        self.handed: queue.Queue[Handover] = queue.Queue()
        self.given_back: queue.Queue[list[Received]] = queue.Queue()
        self.poller = Poller(
            "q", room=self.room, receive=self.receive, hand_over=self.handed.put, give_back=self.given_back.put
        )

    def receive(self, count: int) -> list[Received]:
        self.asked.put(count)
        return self.answers.get(timeout=5)


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker(free=3)
    worker.poller.start()
    yield worker
    worker.poller.stop()
    worker.answers.put([])
    worker.poller.join(5)


def test_a_poll_asks_for_as_much_as_there_is_room_for(worker: Worker) -> None:
    assert worker.asked.get(timeout=5) == 3


def test_the_next_poll_waits_until_the_loop_has_taken_the_messages(worker: Worker) -> None:
    worker.asked.get(timeout=5)
    worker.answers.put([received(1)])
    handover = worker.handed.get(timeout=5)
    assert worker.asked.empty()
    worker.free = 2
    handover.taken.set()
    assert worker.asked.get(timeout=5) == 2


def test_no_poll_goes_out_while_there_is_no_room(worker: Worker) -> None:
    worker.asked.get(timeout=5)
    worker.free = 0
    worker.answers.put([])
    with pytest.raises(queue.Empty):
        worker.asked.get(timeout=0.05)
    worker.free = 10
    worker.room.grown()
    assert worker.asked.get(timeout=5) == 10


def test_messages_that_come_after_the_end_are_given_back(worker: Worker) -> None:
    worker.asked.get(timeout=5)
    worker.poller.stop()
    worker.answers.put([received(1), received(2)])
    assert worker.given_back.get(timeout=5) == [received(1), received(2)]
    assert worker.handed.empty()


def test_stopping_ends_a_poll_that_waits_for_room() -> None:
    worker = Worker(free=0)
    worker.poller.start()
    worker.poller.stop()
    worker.poller.join(5)
    assert worker.asked.empty()


def test_room_gathers_for_a_moment_so_that_one_call_fetches_several() -> None:
    free = iter([1, 10, 10])
    assert Room(free=lambda: next(free), total=lambda: 24).wait(threading.Event()) == 10


def test_an_idle_consumer_of_few_messages_does_not_wait_for_more_room_than_it_has() -> None:
    looks = iter([2, 2, 2])
    assert Room(free=lambda: next(looks), total=lambda: 2).wait(threading.Event()) == 2


def test_pauses_double_up_to_a_limit_and_start_over_after_a_success() -> None:
    pauses: list[float] = []
    patience = Patience(pauses.append)
    for _ in range(6):
        patience.failed()
    patience.succeeded()
    patience.failed()
    assert pauses == [1, 2, 4, 8, 15, 15, 1]
