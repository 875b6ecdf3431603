"""The thread that sends in batches."""

import threading

import pytest

from ems.broker.batching import Batcher


class Sent:
    """Collects batches; can hold the sending thread up."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.go = threading.Event()
        self.go.set()

    def __call__(self, batch: list[int]) -> None:
        self.go.wait(5)
        self.batches.append(batch)


def test_items_go_out_together_once_the_oldest_has_lingered() -> None:
    sent, arrived = Sent(), threading.Event()

    def send(batch: list[int]) -> None:
        sent(batch)
        arrived.set()

    batcher = Batcher(send, size=10, linger=0.05, name="test")
    for item in range(3):
        batcher.add(item)
    assert arrived.wait(5)
    assert sent.batches == [[0, 1, 2]]


def test_a_full_batch_does_not_linger() -> None:
    sent = Sent()
    batcher = Batcher(sent, size=2, linger=3600, name="test")
    for item in range(4):
        batcher.add(item)
    assert batcher.flush(5)
    assert sent.batches == [[0, 1], [2, 3]]


def test_flush_sends_what_lingers_and_waits_for_it() -> None:
    sent = Sent()
    batcher = Batcher(sent, size=10, linger=3600, name="test")
    batcher.add(1)
    assert batcher.flush(5)
    assert sent.batches == [[1]]


def test_flush_says_when_it_takes_too_long() -> None:
    sent = Sent()
    sent.go.clear()
    batcher = Batcher(sent, size=10, linger=0, name="test")
    batcher.add(1)
    assert not batcher.flush(0.01)
    sent.go.set()
    assert batcher.flush(5)


def test_flush_of_nothing_returns_at_once() -> None:
    assert Batcher(Sent(), size=10, linger=3600, name="test").flush(0)


def test_a_mistake_in_send_costs_one_batch_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    sent = Sent()

    def send(batch: list[int]) -> None:
        if batch == [1]:
            raise ValueError("mistake")
        sent(batch)

    batcher = Batcher(send, size=1, linger=0, name="test")
    batcher.add(1)
    batcher.add(2)
    assert batcher.flush(5)
    assert sent.batches == [[2]]
    assert "lost a batch of 1" in caplog.text


def test_a_full_batch_does_not_wait_for_the_answer_to_the_one_before() -> None:
    sent, under_way = Sent(), threading.Semaphore(0)
    sent.go.clear()

    def send(batch: list[int]) -> None:
        under_way.release()
        sent(batch)

    batcher = Batcher(send, size=2, linger=3600, name="test", parallel=3)
    for item in range(10):
        batcher.add(item)
    for _ in range(3):
        assert under_way.acquire(timeout=5)
    assert not under_way.acquire(timeout=0.05)
    sent.go.set()
    assert batcher.flush(5)
    assert sorted(sent.batches) == [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9]]


def test_one_thread_is_enough_while_it_keeps_up() -> None:
    threads: set[str] = set()
    batcher: Batcher[int] = Batcher(
        lambda _batch: threads.add(threading.current_thread().name), size=2, linger=0, name="test", parallel=3
    )
    for item in range(10):
        batcher.add(item)
        assert batcher.flush(5)
    assert threads == {"test-1"}
