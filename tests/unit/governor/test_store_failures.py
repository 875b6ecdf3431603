"""The governor's store is slow, loses answers or refuses: nothing is sent over the limit, and leases come again."""

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from fakes.rate_store import MemoryRateStore

from ems.errors import UnavailableError
from ems.governor.errors import GovernorUnavailableError
from ems.governor.governor import Governor
from ems.governor.lease import Lease
from ems.governor.policy import Policy
from ems.store.rate_item import Booked, Booking, Line, Refused

LIMIT = 500.0
POLICY = Policy(max_send_rate=LIMIT, tolerance=5.0)


def account() -> None:
    raise UnavailableError("SES", "not asked, the rate is set")


class FlakyStore(MemoryRateStore):
    """Books, then stumbles as *stumble* says: by taking its time, or by losing the answer or the request."""

    def __init__(self, stumble: Callable[[], str]) -> None:
        super().__init__()
        self._stumble = stumble

    def book(self, booking: Booking) -> Booked | Refused:
        how = self._stumble()
        if how == "refuse":
            raise UnavailableError("DynamoDB", "throttled on purpose")
        outcome = super().book(booking)
        if how == "lose the answer":
            raise UnavailableError("DynamoDB", "the answer was lost on purpose")
        if how == "stall":
            time.sleep(0.03)
        return outcome


def leased(governor: Governor, calls: int) -> tuple[list[Lease], int]:
    """Ask until so many calls have their slots; return these, and how often there was none."""
    leases: list[Lease] = []
    refusals = 0
    while len(leases) < calls:
        try:
            leases.append(governor.lease(2, lane="bulk"))
        except GovernorUnavailableError:
            refusals += 1
    return leases, refusals


def test_slots_keep_their_distance_however_the_store_stumbles_and_every_call_gets_one_in_the_end() -> None:
    chance = random.Random(7)
    store = FlakyStore(lambda: chance.choice(["work", "work", "stall", "refuse", "lose the answer"]))
    processes = [Governor(store, account, POLICY) for _ in range(3)]  # type: ignore[arg-type]  # it never answers
    with ThreadPoolExecutor(6) as threads:
        outcomes = list(threads.map(lambda number: leased(processes[number % 3], 10), range(6)))
    starts = sorted(lease.start_at for leases, _ in outcomes for lease in leases)
    assert len(starts) == 60
    assert all(later - earlier >= 2 / (LIMIT * 0.95) - 2e-6 for earlier, later in pairwise(starts))
    assert sum(refusals for _, refusals in outcomes) > 0
    assert isinstance(store.line, Line)
    assert store.line.granted > 120, "a slot whose answer was lost is lost"


def test_a_slot_whose_answer_was_lost_is_nobodys_and_the_next_comes_after_it() -> None:
    stumbles = ["work", "lose the answer", "work"]
    store = FlakyStore(lambda: stumbles.pop(0))
    governor = Governor(store, account, POLICY)  # type: ignore[arg-type]  # it never answers
    first = governor.lease(2, lane="transactional")
    with pytest.raises(GovernorUnavailableError):
        governor.lease(2, lane="transactional")
    third = governor.lease(2, lane="transactional")
    assert third.start_at >= first.start_at + 2 * 2 / (LIMIT * 0.95) - 2e-6
    assert governor.watch.last_minute().refused == {"store": 1}
