"""Polling: never more than there is room for, never a message held by a consumer that is gone."""

import queue
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from ems.broker.envelopes import Received
from ems.broker.polling import FURTHER_POLLS, RECEIVE_MAX, Handover, Poller, Room


def received(number: int) -> Received:
    return Received(f"m-{number}", f"h-{number}", "{}", "http://sqs/q", receives=1)


class Worker:
    """A queue, a consumer with room for a few messages, and the polls between them."""

    def __init__(self, free: int) -> None:
        self.free = free
        self.room = Room(free=lambda: self.free, total=lambda: free)
        self.asked: queue.Queue[int] = queue.Queue()
        self.answers: queue.Queue[list[Received] | Exception] = queue.Queue()
        self.fetched: queue.Queue[int] = queue.Queue()
        self.further_answers: queue.Queue[list[Received]] = queue.Queue()
        self.handed: queue.Queue[Handover] = queue.Queue()
        self.given_back: queue.Queue[list[Received]] = queue.Queue()
        self.poller = Poller(
            "q",
            room=self.room,
            poll=self.poll,
            fetch=self.fetch,
            hand_over=self.handed.put,
            give_back=self.given_back.put,
            pause=0,
        )

    def poll(self, count: int) -> list[Received]:
        self.asked.put(count)
        answer = self.answers.get(timeout=5)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def fetch(self, count: int) -> list[Received]:
        self.fetched.put(count)
        return self.further_answers.get(timeout=5)

    def end(self) -> None:
        self.poller.stop()
        for answers in (self.answers, self.further_answers):
            for _ in range(1 + FURTHER_POLLS):
                answers.put([])
        self.poller.join(5)


@pytest.fixture
def start() -> Iterator[Callable[[int], Worker]]:
    workers: list[Worker] = []

    def start(free: int) -> Worker:
        workers.append(Worker(free))
        workers[-1].poller.start()
        return workers[-1]

    yield start
    for worker in workers:
        worker.end()


@pytest.fixture
def worker(start: Callable[[int], Worker]) -> Worker:
    return start(3)


def test_a_poll_asks_for_as_much_as_there_is_room_for(worker: Worker) -> None:
    assert worker.asked.get(timeout=5) == 3


def test_a_poll_asks_for_no_more_than_one_call_brings(start: Callable[[int], Worker]) -> None:
    assert start(24).asked.get(timeout=5) == RECEIVE_MAX


def test_the_room_of_messages_on_their_way_to_the_loop_is_taken(worker: Worker) -> None:
    worker.asked.get(timeout=5)
    worker.answers.put([received(1), received(2), received(3)])
    handover = worker.handed.get(timeout=5)
    assert worker.asked.empty()
    worker.free = 2
    handover.taken()
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


def test_one_poll_is_under_way_while_the_queue_is_quiet(start: Callable[[int], Worker]) -> None:
    worker = start(100)
    for _ in range(3):
        worker.asked.get(timeout=5)
        worker.answers.put([received(1)])
    assert worker.fetched.empty()


def test_further_polls_help_as_long_as_answers_are_full(start: Callable[[int], Worker]) -> None:
    worker = start(100)
    worker.asked.get(timeout=5)
    worker.answers.put([received(number) for number in range(10)])
    assert [worker.fetched.get(timeout=5) for _ in range(FURTHER_POLLS)] == [10] * FURTHER_POLLS
    for _ in range(FURTHER_POLLS):
        worker.further_answers.put([])
    with pytest.raises(queue.Empty):
        worker.fetched.get(timeout=0.05)


def test_all_polls_together_ask_for_no_more_than_there_is_room_for(start: Callable[[int], Worker]) -> None:
    worker = start(24)
    worker.asked.get(timeout=5)
    worker.answers.put([received(number) for number in range(10)])
    worker.free = 14  # what came is in hand from here on
    worker.handed.get(timeout=5).taken()
    time.sleep(0.05)  # for as many polls as want to go out
    asked = [*worker.asked.queue, *worker.fetched.queue]
    assert 10 <= sum(asked) <= 14


def test_a_poll_outlives_a_mistake_in_receiving(worker: Worker, caplog: pytest.LogCaptureFixture) -> None:
    worker.asked.get(timeout=5)
    worker.answers.put(KeyError("nothing that SQS answers"))
    assert worker.asked.get(timeout=5) == 3
    assert "a poll of q failed" in caplog.text


def test_messages_that_come_after_the_end_are_given_back(worker: Worker) -> None:
    worker.asked.get(timeout=5)
    worker.poller.stop()
    worker.answers.put([received(1), received(2)])
    assert worker.given_back.get(timeout=5) == [received(1), received(2)]
    assert worker.handed.empty()


def test_stopping_ends_a_poll_that_waits_for_room(start: Callable[[int], Worker]) -> None:
    worker = start(0)
    worker.poller.stop()
    worker.poller.join(5)
    assert worker.asked.empty()


def test_room_gathers_for_a_moment_so_that_one_call_fetches_several() -> None:
    free = iter([1, 10, 10, 10])
    assert Room(free=lambda: next(free), total=lambda: 24).share().claim(threading.Event()) == 10


def test_an_idle_consumer_of_few_messages_does_not_wait_for_more_room_than_it_has() -> None:
    looks = iter([2, 2, 2, 2])
    assert Room(free=lambda: next(looks), total=lambda: 2).share().claim(threading.Event()) == 2
