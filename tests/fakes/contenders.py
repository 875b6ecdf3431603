"""Processes that book against each other; a module of its own, so that a spawned process can import it."""

import time
from concurrent.futures import ThreadPoolExecutor

from ems.governor.line import Grant, decide
from ems.governor.policy import Policy
from ems.settings import Settings
from ems.store.rate import DynamoRateStore, connect
from ems.store.rate_item import Booked

THREADS = 3
BOOKINGS = 20
RECIPIENTS = 3
POLICY = Policy(max_send_rate=1000, headroom=0)


def book_in_threads(table: str) -> list[tuple[int, int]]:
    """Book BOOKINGS times in each of THREADS threads; returns (start, cost) of every booking."""
    with ThreadPoolExecutor(THREADS) as threads:
        return [slot for slots in threads.map(_book_many, [table] * THREADS) for slot in slots]


def _book_many(table: str) -> list[tuple[int, int]]:
    store = DynamoRateStore(connect(Settings()), table)
    line = store.read()
    slots: list[tuple[int, int]] = []
    while len(slots) < BOOKINGS:
        assert line is not None
        now = time.time_ns() // 1_000
        decision = decide(line, calls=(1, 2), lane="transactional", now=now, policy=POLICY)
        assert isinstance(decision, Grant)
        outcome = store.book(decision.booking)
        if isinstance(outcome, Booked):
            slots.append((outcome.start_at, decision.booking.cost))
        line = outcome.line
    return slots
