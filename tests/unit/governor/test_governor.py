"""The governor with real threads on a store in memory."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from threading import Thread
from typing import Any

import pytest
from fakes.rate_store import MemoryRateStore

from ems.aws.account import AccountSample
from ems.errors import UnavailableError
from ems.governor.errors import (
    ClockSkewError,
    GovernorUnavailableError,
    LeaseError,
    NotBeforeError,
    QuotaExhaustedError,
    SendingPausedError,
    StoppedError,
)
from ems.governor.governor import Governor
from ems.governor.lease import Lease
from ems.governor.line import after_reading, micros
from ems.governor.policy import Policy
from ems.store.rate_item import SECOND, Booked, Booking, Line, Refused

ACCOUNT = AccountSample(
    max_send_rate=500, max_24h_send=50_000, sent_24h=100, sending_enabled=True, enforcement="HEALTHY"
)
FAST = Policy(tolerance=5.0)


class Clock:
    """The real clock, set forward by ``ahead`` seconds."""

    ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


class Skew:
    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def skew_exceeds(self, seconds: float) -> bool:
        return abs(self.seconds) > seconds

    def bounds(self) -> tuple[float, float]:
        return (self.seconds, self.seconds)


def account(sample: AccountSample = ACCOUNT) -> Callable[[], AccountSample]:
    return lambda: sample


def no_account() -> AccountSample:
    raise UnavailableError("SES", "down on purpose")


def eventually(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.005)


def far_ahead(store: MemoryRateStore, *, seconds: float) -> None:
    assert store.line is not None
    store.line = replace(store.line, next_at=round((time.time() + seconds) * SECOND))


def test_the_first_lease_reads_the_account_and_starts_at_once() -> None:
    store, clock = MemoryRateStore(), Clock()
    lease = Governor(store, account(), FAST, clock=clock).lease(2, lane="bulk")
    assert lease == Lease(pytest.approx(clock(), abs=5), 2, not_after=pytest.approx(lease.start_at + FAST.tolerance))
    assert store.line is not None
    assert store.line.send_limit == 500_000


def test_who_is_prepared_has_read_the_line_and_the_account_before_the_first_call() -> None:
    store = MemoryRateStore()
    Governor(store, account(), FAST).prepare()
    assert store.line is not None
    assert store.line.send_limit == 500_000


def test_a_process_starts_although_nobody_knows_the_limit_yet() -> None:
    governor = Governor(MemoryRateStore(), no_account, FAST)
    governor.prepare()
    with pytest.raises(GovernorUnavailableError):
        governor.lease(1, lane="bulk")


def test_a_set_rate_needs_no_account() -> None:
    store = MemoryRateStore()
    governor = Governor(store, no_account, replace(FAST, max_send_rate=40))
    governor.lease(1, lane="transactional")
    assert governor.status().limit == 40
    assert governor.status().account_error is not None


def test_threads_share_the_line_without_overlap() -> None:
    store = MemoryRateStore()
    governor = Governor(store, account(), FAST)
    lanes = ["bulk", "bulk", "bulk", "transactional"] * 3
    with ThreadPoolExecutor(len(lanes)) as threads:
        leases = list(threads.map(lambda lane: [governor.lease(2, lane=lane) for _ in range(8)], lanes))
    starts = sorted(lease.start_at for of_thread in leases for lease in of_thread)
    assert len(starts) == 96
    assert all(later - earlier > 2 / 475 - 2e-6 for earlier, later in pairwise(starts))
    assert store.line is not None
    assert store.line.granted == sum(booking.recipients for _, booking in store.bookings) == 192


def test_waiting_calls_of_a_process_share_a_request() -> None:
    store = MemoryRateStore()
    governor = Governor(store, account(), FAST, spread=lambda: 1.0)
    governor.lease(1, lane="bulk")
    far_ahead(store, seconds=0.5)
    with ThreadPoolExecutor(8) as threads:
        leases = list(threads.map(lambda _: governor.lease(2, lane="bulk"), range(8)))
    assert len({lease.start_at for lease in leases}) == 8
    assert governor.tally.requests < 8


def test_transactional_overtakes_a_full_bulk_lane() -> None:
    store = MemoryRateStore()
    governor = Governor(store, account(), replace(FAST, bulk_horizon=0.1))
    governor.lease(1, lane="bulk")
    far_ahead(store, seconds=1.0)
    with ThreadPoolExecutor(4) as threads:
        bulk = [threads.submit(governor.lease, 2, lane="bulk") for _ in range(3)]
        urgent = threads.submit(governor.lease, 1, lane="transactional").result(timeout=10)
        assert all(lease.result(timeout=10).start_at > urgent.start_at for lease in bulk)


def test_a_deadline_before_the_line_has_room_ends_the_wait() -> None:
    store = MemoryRateStore()
    governor = Governor(store, account(), FAST)
    governor.lease(1, lane="bulk")
    far_ahead(store, seconds=3)
    with pytest.raises(NotBeforeError) as error:
        governor.lease(1, lane="bulk", deadline=time.time() + 0.05)
    assert error.value.until > time.time() + 1


def test_a_follower_gives_up_at_its_deadline_and_the_others_are_served() -> None:
    store = MemoryRateStore()
    governor = Governor(store, account(), FAST)
    governor.lease(1, lane="bulk")
    far_ahead(store, seconds=0.6)
    with ThreadPoolExecutor(2) as threads:
        leader = threads.submit(governor.lease, 1, lane="bulk")
        eventually(lambda: governor._waiting["bulk"].tickets() != ())
        with pytest.raises(NotBeforeError):
            governor.lease(50, lane="bulk", deadline=time.time() + 0.02)
        follower = threads.submit(governor.lease, 1, lane="bulk")
        assert follower.result(timeout=5).start_at > leader.result(timeout=5).start_at


def test_stopping_ends_every_wait() -> None:
    store = MemoryRateStore()
    governor = Governor(store, account(), FAST)
    governor.lease(1, lane="bulk")
    far_ahead(store, seconds=4)
    with ThreadPoolExecutor(4) as threads:
        waits = [threads.submit(governor.lease, 1, lane=lane) for lane in ("bulk", "bulk", "transactional")]
        eventually(lambda: len(governor._waiting["bulk"].tickets()) == 2)
        governor.stop()
        assert all(isinstance(wait.exception(timeout=5), StoppedError) for wait in waits)
    with pytest.raises(StoppedError):
        governor.lease(1, lane="transactional")


def test_a_store_that_is_down_gives_no_lease_to_anyone_and_recovers() -> None:
    store = MemoryRateStore()
    governor = Governor(store, account(), FAST)
    governor.lease(1, lane="bulk")
    store.down = True
    with ThreadPoolExecutor(4) as threads:
        waits = [threads.submit(governor.lease, 1, lane="bulk") for _ in range(4)]
        assert all(isinstance(wait.exception(timeout=5), GovernorUnavailableError) for wait in waits)
    with pytest.raises(GovernorUnavailableError):
        governor.status()
    governor.throttled()
    store.down = False
    governor.lease(1, lane="bulk")


def test_without_an_account_nothing_is_leased_and_the_cause_is_named() -> None:
    with pytest.raises(GovernorUnavailableError, match=r"down on purpose.*EMS_MAX_SEND_RATE"):
        Governor(MemoryRateStore(), no_account, Policy()).lease(1, lane="transactional")


def test_a_failed_reading_keeps_the_last_one_and_is_reported() -> None:
    store, clock = MemoryRateStore(), Clock()
    Governor(store, account(), FAST, clock=clock).lease(1, lane="bulk")
    clock.ahead += 61
    governor = Governor(store, no_account, FAST, clock=clock)
    governor.lease(1, lane="bulk")
    eventually(lambda: governor.status().account_error is not None)
    assert governor.status().limit == 500


def test_an_old_reading_is_renewed_by_one_process() -> None:
    store, clock, readings = MemoryRateStore(), Clock(), []

    def slower_account() -> AccountSample:
        readings.append(1)
        return replace(ACCOUNT, max_send_rate=500 - 100 * len(readings))

    processes = [Governor(store, slower_account, FAST, clock=clock) for _ in range(3)]
    for process in processes:
        process.lease(1, lane="bulk")
    assert len(readings) == 1
    clock.ahead += 61
    for process in processes:
        process.status()
    eventually(lambda: processes[0].status().limit == 300)
    assert len(readings) == 2


def test_the_reserve_is_kept_for_transactional_mail() -> None:
    sample = replace(ACCOUNT, max_24h_send=1000, sent_24h=899)
    governor = Governor(MemoryRateStore(), account(sample), FAST)
    assert governor.lease(1, lane="bulk")
    with pytest.raises(QuotaExhaustedError) as error:
        governor.lease(1, lane="bulk")
    assert error.value.until > time.time() + 30
    assert governor.lease(50, lane="transactional")
    assert governor.status().quota_left == 50
    assert governor.status().quota_left_for_bulk == 0


@pytest.mark.parametrize("sample", [replace(ACCOUNT, sending_enabled=False), replace(ACCOUNT, enforcement="SHUTDOWN")])
def test_an_account_that_may_not_send_leases_nothing(sample: AccountSample) -> None:
    with pytest.raises(SendingPausedError):
        Governor(MemoryRateStore(), account(sample), Policy()).lease(1, lane="transactional")


def test_a_provably_wrong_clock_leases_nothing_and_changes_nothing() -> None:
    store, clock, readings = MemoryRateStore(), Clock(), []

    def read_account() -> AccountSample:
        readings.append(1)
        return ACCOUNT

    wrong = Governor(store, read_account, FAST, clock=clock, clock_check=Skew(0.3))
    for _ in range(2):
        with pytest.raises(ClockSkewError, match="synchronise"):
            wrong.lease(1, lane="bulk")
        assert readings == []
        Governor(store, account(), FAST, clock=clock, clock_check=Skew(0.2)).lease(1, lane="bulk")
    line, clock.ahead = store.line, 100.0
    assert wrong.status().clock_offset_seconds == (0.3, 0.3)
    assert (store.line, readings) == (line, [])


def test_a_clock_is_measured_before_anything_is_booked_by_it() -> None:
    class FirstAnswer(Skew):
        """Proves an error from the store's first answer on."""

        def skew_exceeds(self, seconds: float) -> bool:
            return store.reads > 0 and seconds < 5

        def bounds(self) -> tuple[float, float] | None:  # type: ignore[override]  # not measured yet
            return (5.0, 6.0) if store.reads else None

    class Store(MemoryRateStore):
        reads = 0

        def read(self) -> Line | None:
            self.reads += 1
            return super().read()

    store = Store()
    with pytest.raises(ClockSkewError):
        Governor(store, account(), FAST, clock_check=FirstAnswer(0)).lease(1, lane="transactional")
    assert (store.line, store.bookings) == (None, [])


@pytest.mark.parametrize(
    ("hindrance", "refusal"),
    [({"sent_24h": 50_000}, QuotaExhaustedError), ({"sending_enabled": False}, SendingPausedError)],
)
def test_a_process_that_was_refused_hears_of_what_another_process_read(
    hindrance: dict[str, Any], refusal: type[LeaseError]
) -> None:
    store, clock, held = MemoryRateStore(), Clock(), replace(ACCOUNT, **hindrance)
    refused = Governor(store, account(held), FAST, clock=clock)
    with pytest.raises(refusal):
        refused.lease(1, lane="bulk")
    clock.ahead += 51
    other = Governor(store, account(), FAST, clock=clock)
    other.status()
    eventually(lambda: other.status().bulk_waits_for is None)
    assert refused.lease(1, lane="bulk")


def test_a_line_that_a_wrong_clock_booked_far_ahead_is_named_not_waited_for() -> None:
    store = MemoryRateStore()
    governor = Governor(store, account(), FAST)
    governor.lease(1, lane="bulk")
    far_ahead(store, seconds=3700)
    with pytest.raises(GovernorUnavailableError, match="delete the item"):
        governor.lease(1, lane="transactional")


def test_a_missed_slot_is_leased_anew() -> None:
    store, clock = MemoryRateStore(), Clock()
    governor = Governor(store, account(), FAST, clock=clock)
    governor.lease(1, lane="bulk")
    first_request = clock()
    book = store.book

    def stall_once(booking: Booking) -> Booked | Refused:
        store.book = book  # type: ignore[method-assign]
        outcome = book(booking)
        clock.ahead += 6
        return outcome

    store.book = stall_once  # type: ignore[method-assign]
    lease = governor.lease(2, lane="bulk")
    assert governor.tally.missed_slots == 1
    assert lease.start_at > first_request + 6
    assert store.line is not None
    assert store.line.granted == 5


def test_a_slow_store_delays_slots_instead_of_missing_them_for_ever() -> None:
    store = MemoryRateStore()
    governor = Governor(store, account(), Policy(tolerance=0.02))
    book = store.book

    def book_slowly(booking: Booking) -> Booked | Refused:
        time.sleep(0.04)
        return book(booking)

    store.book = book_slowly  # type: ignore[method-assign]
    for _ in range(3):
        assert governor.lease(1, lane="transactional", deadline=time.time() + 10)


def test_capped_bulk_calls_of_many_threads_keep_their_distance() -> None:
    store = MemoryRateStore()
    governor = Governor(store, account(), replace(FAST, bulk_calls_per_second=25))
    with ThreadPoolExecutor(4) as threads:
        leases = list(threads.map(lambda _: governor.lease(5, lane="bulk"), range(8)))
        governor.lease(1, lane="transactional")
    starts = sorted(lease.start_at for lease in leases)
    assert all(later - earlier >= 0.04 - 2e-6 for earlier, later in pairwise(starts))


def test_the_first_lease_waits_for_the_process_that_reads_the_account() -> None:
    store = MemoryRateStore()
    claim = store.claim_refresh(now=micros(time.time()), every=SECOND)
    assert claim is not None
    governor = Governor(store, no_account, FAST)
    with ThreadPoolExecutor(1) as threads:
        lease = threads.submit(governor.lease, 1, lane="bulk")
        store.revise(after_reading(claim, ACCOUNT, now=micros(time.time()), granted=0))
        assert lease.result(timeout=5)


def test_a_throttle_slows_every_process_once() -> None:
    store, clock = MemoryRateStore(), Clock()
    processes = [Governor(store, account(), FAST, clock=clock) for _ in range(3)]
    for process in processes:
        process.lease(1, lane="bulk")
    for process in processes:
        process.throttled()
    assert store.line is not None
    assert (store.line.revision, store.line.penalty_rate) == (2, 475_000 * 0.75)
    clock.ahead += 10
    assert 475 * 0.75 < processes[0].status().effective_rate < 475
    assert 0 < processes[0].status().penalty < 0.25
    processes[1].throttled()
    assert store.line.revision == 3
    clock.ahead += 100
    assert processes[2].status().effective_rate == 475


def test_a_line_that_was_deleted_is_built_anew() -> None:
    store = MemoryRateStore()
    governor = Governor(store, account(), FAST)
    governor.lease(1, lane="bulk")
    store.line = None
    assert governor.lease(1, lane="bulk")
    assert isinstance(store.line, Line)


def test_the_status_counts_what_every_process_used() -> None:
    store, clock = MemoryRateStore(), Clock()
    processes = [Governor(store, account(), FAST, clock=clock) for _ in range(2)]
    for process in processes:
        process.lease(2, lane="bulk")
    clock.ahead += 2
    status = processes[0].status()
    assert (status.used_last_minute, status.used_24h) == (4, 104)
    assert (status.limit, status.limit_source, status.effective_rate) == (500, "account", 475)
    clock.ahead += 61
    assert processes[0].status().used_last_minute == 0


def test_a_thread_that_waits_for_its_slot_wakes_in_time_for_it() -> None:
    store = MemoryRateStore()
    governor = Governor(store, account(), replace(FAST, max_send_rate=20))
    before = time.time()
    threads = [Thread(target=governor.lease, args=(1,), kwargs={"lane": "bulk"}) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.time() - before >= 2 / 19 - 1e-3
