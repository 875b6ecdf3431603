"""What a sender process asks before every call to SES: when may these recipients start?

One :class:`Governor` a process, shared by its threads. The waiting calls of a lane form one queue
(:mod:`ems.governor.waiting`); the first in it asks the store for as many as fit, so that a process costs one request a
booking and never has two of a lane under way. Each lane has a leader of its own, so a person's mail never waits for
bulk within a process.
"""

import random
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import structlog

from ems.aws.account import AccountSample
from ems.errors import UnavailableError
from ems.governor.errors import GovernorUnavailableError, NotBeforeError, StoppedError, refusal
from ems.governor.lease import ClockCheck, Lease, Tally
from ems.governor.line import Denied, Grant, cost_of, decide, effective_rate, micros
from ems.governor.minute import Minute, account
from ems.governor.policy import Lane, Policy
from ems.governor.readings import AccountReadings
from ems.governor.status import RateStatus, describe
from ems.governor.store import RateStore
from ems.governor.view import LineView
from ems.governor.waiting import Ticket, WaitingLine
from ems.governor.waits import OF_THREADS, Waits
from ems.governor.watch import Watch
from ems.governor.window import CallWindow
from ems.store.rate_item import SECOND, Booked
from ems.store.senders import SenderReport

log = structlog.get_logger(__name__)

ROUND_TRIP_WEIGHT = 0.2
"""How much the latest answer counts in the moving average of the store's round trip."""

LONGEST_WAIT_SECONDS = 0.5
"""How long others are trusted to keep the line booked before this process looks again."""

LONGEST_ROUND_TRIP_SECONDS = 1.0
"""What a longer one counts as: it was a stall, and what comes after must not be booked as far ahead."""


class Governor:
    """Leases slots of the shared line to this process's threads.

    Args:
        store: The shared line.
        account: Reads the account (GetAccount); raises UnavailableError.
        policy: The same in every process.
        clock: Epoch seconds.
        clock_check: Measures the clock; a proved error stops this process from leasing. None measures nothing.
        spread: Draws from [0, 1): spreads the requests of several processes.
        waits: How its threads wait.
    """

    def __init__(
        self,
        store: RateStore,
        account: Callable[[], AccountSample],
        policy: Policy,
        *,
        clock: Callable[[], float] = time.time,
        clock_check: ClockCheck | None = None,
        spread: Callable[[], float] = random.random,
        waits: Waits = OF_THREADS,
    ) -> None:
        self._store = store
        self._policy = policy
        self._clock = clock
        self._spread = spread
        self._readings = AccountReadings(store, account, policy, clock)
        self._view = LineView(store, self._readings, policy, clock=clock, clock_check=clock_check)
        self._waiting: dict[Lane, WaitingLine] = {"transactional": WaitingLine(waits), "bulk": WaitingLine(waits)}
        self._stopping = waits.signal()
        self._round_trip = 0.0
        self._window = CallWindow(waits, tolerance=policy.tolerance)
        self.tally = Tally()
        self.watch = Watch(clock)

    def prepare(self) -> None:
        """Read the line before the first call asks for it; where it cannot be read, the first call will say so."""
        with suppress(GovernorUnavailableError):
            self._view.line()

    def lease(self, n: int, *, lane: Lane, deadline: float | None = None) -> Lease:
        """Wait until a call of *n* recipients (1 to 50) may start, and return then; :meth:`returned` ends it.

        Asking ends at *deadline* (epoch seconds); a slot that was booked before is still waited for, which takes at
        most the lane's horizon.

        Raises:
            NotBeforeError: The deadline comes before the line has room.
            QuotaExhaustedError: The lane's share of the 24-hour quota is used.
            SendingPausedError: SES says that the account may not send.
            StoppedError: :meth:`stop` was called.
            ClockSkewError: The clock is provably wrong.
            GovernorUnavailableError: The store cannot be reached, or no limit is known.
        """
        while True:
            lease = self.book(n, lane=lane, deadline=deadline)
            if self.arrive(lease):
                return lease

    def book(self, n: int, *, lane: Lane, deadline: float | None = None) -> Lease:
        """Do what :meth:`lease` does but for the waiting: there may be something to do until the slot comes."""
        asked = self._clock()
        with self.watch.asking(lane):
            self._view.check_clock()
            start_at = self._book(n, lane=lane, deadline=deadline)
        self.watch.granted(lane, wait=start_at - asked)
        return Lease(start_at, n, not_after=start_at + self._policy.tolerance)

    def arrive(self, lease: Lease) -> bool:
        """Wait for the slot of *lease*; False when it is missed, which loses the slot: book another.

        When it is True, the call is to be made now and :meth:`returned` called after it.

        Raises:
            StoppedError: :meth:`stop` was called.
        """
        self._wait_until(lease.start_at)
        late, slack = self._clock() - lease.start_at, self._policy.slack(self._view.limit())
        if late > self._policy.tolerance or not self._window.enter(lease, late=late, slack=slack):
            self.tally.missed_slots += 1
            self.watch.missed(lease.n)
            return False
        self.tally.leases += 1
        return True

    def returned(self, lease: Lease) -> None:
        """Note that the call of *lease* has its answer, or was not made."""
        self._window.leave(lease)

    def throttled(self) -> None:
        """Report that SES throttled a call: every process slows down, once for all who saw it.

        Never raises, so that the outcome of the call is recorded whatever happens here: when the store is down the
        next lease fails anyway, and SES will throttle again.
        """
        try:
            self._view.record_throttle()
        except UnavailableError as error:
            log.warning("throttle_not_recorded", error=str(error))

    def call_size(self) -> int:
        """Return how many recipients a bulk call takes at this account's limit.

        Raises:
            GovernorUnavailableError: The store cannot be reached.
        """
        return self._policy.size_of_call(self._view.limit())

    def chunk_size(self) -> int:
        """Return how many recipients a chunk should have at this account's limit, as the line says now.

        Raises:
            GovernorUnavailableError: The store cannot be reached.
        """
        return self._policy.size_of_chunk(self._view.limit(fresh=True))

    def status(self) -> RateStatus:
        """Read the line and describe it.

        Raises:
            GovernorUnavailableError: The store cannot be reached.
        """
        return describe(
            self._view.line(fresh=True),
            now=micros(self._clock()),
            policy=self._policy,
            account_error=self._readings.last_error,
            clock_offset=self._view.clock_offset(),
        )

    def minute(self, reports: Sequence[SenderReport]) -> Minute:
        """Account for the last minute of the line, as last read, with what the senders report.

        Raises:
            GovernorUnavailableError: The store cannot be reached.
        """
        return account(self._view.line(), reports, now=micros(self._clock()), policy=self._policy)

    def stop(self) -> None:
        """End every wait, now and from now on, with :class:`StoppedError`."""
        self._stopping.set()
        for queue in self._waiting.values():
            queue.wake()

    def _book(self, recipients: int, *, lane: Lane, deadline: float | None) -> float:
        """Queue up in *lane* until a slot is booked; returns its start in epoch seconds."""
        queue = self._waiting[lane]
        ticket = queue.join(recipients)
        try:
            while ticket.start_at is None:
                if ticket.failure is not None:
                    raise ticket.failure()
                if self._stopping.is_set():
                    raise StoppedError("the process is shutting down")
                if deadline is not None and self._clock() >= deadline:
                    raise NotBeforeError("no slot before the deadline", until=deadline)
                if queue.leads(ticket):
                    self._lead(queue, lane=lane, deadline=deadline)
                else:
                    ticket.woken.wait(None if deadline is None else max(0.0, deadline - self._clock()))
        finally:
            queue.leave(ticket)
        return ticket.start_at / SECOND

    def _lead(self, queue: WaitingLine, *, lane: Lane, deadline: float | None) -> None:
        """Take one step for the whole queue: book what fits, or wait, or tell everyone why not."""
        tickets = queue.tickets()
        try:
            decision = self._decide(tickets, lane=lane)
            if isinstance(decision, Denied) and decision.why not in {"rate", "pace"}:
                # Nobody is told no by what this process saw last: another may have read the account since.
                decision = self._decide(tickets, lane=lane, fresh=True)
            if isinstance(decision, Grant):
                self._request(decision, queue, tickets)
                return
        except UnavailableError as error:
            reason = str(error)
            queue.fail(lambda: GovernorUnavailableError("the governor", reason))
            return
        if decision.why in {"rate", "pace"}:
            self._wait_for_room(decision, tickets, deadline=deadline)
        else:
            queue.fail(lambda: refusal(decision, account_error=self._readings.last_error))

    def _decide(self, tickets: tuple[Ticket, ...], *, lane: Lane, fresh: bool = False) -> Grant | Denied:
        now = micros(self._clock() + self._round_trip)  # a slot before the store's answer would be missed
        line = self._view.expected(at=now, fresh=fresh)
        calls = tuple(ticket.recipients for ticket in tickets)
        return decide(line, calls=calls, lane=lane, now=now, policy=self._policy)

    def _request(self, grant: Grant, queue: WaitingLine, tickets: tuple[Ticket, ...]) -> None:
        self.tally.requests += 1
        self.watch.requested()
        asked = self._clock()
        outcome = self._store.book(grant.booking)
        took = min(max(0.0, self._clock() - asked), LONGEST_ROUND_TRIP_SECONDS)
        self._round_trip += (took - self._round_trip) * ROUND_TRIP_WEIGHT
        self._view.saw(outcome.line, own=grant.booking.recipients if isinstance(outcome, Booked) else 0)
        if isinstance(outcome, Booked):
            starts = (outcome.start_at + offset for offset in grant.offsets)
            queue.serve(zip(tickets, starts, strict=False))
        else:
            self.tally.conflicts += 1

    def _wait_for_room(self, denied: Denied, tickets: tuple[Ticket, ...], *, deadline: float | None) -> None:
        """Wait until the line is expected to have room, and a little longer where that loses nothing.

        Until it has room for all who wait here, but no longer than a quarter of the bulk horizon: the line stays booked
        for the rest of it, and several calls fit into one request. As others book meanwhile, the line takes longer to
        get there, and each of many processes asks the less often.
        """
        until = denied.not_before / SECOND
        if deadline is not None and until > deadline:
            raise NotBeforeError(f"the line is booked until {until:.3f}", until=until)
        wait = until - self._clock()
        if denied.why == "rate":
            wait += min(self._seconds_of(tickets), self._policy.bulk_horizon / 4) * (1 + self._spread()) / 2
            wait = min(wait / (1 - self._view.others.share), max(wait, LONGEST_WAIT_SECONDS))
        self._stopping.wait(max(0.0, wait))

    def _seconds_of(self, tickets: tuple[Ticket, ...]) -> float:
        """Return how long the line takes for *tickets*."""
        rate = effective_rate(self._view.line(), now=micros(self._clock()), policy=self._policy)
        return cost_of(sum(ticket.recipients for ticket in tickets), rate) / SECOND

    def _wait_until(self, start_at: float) -> None:
        while (delay := start_at - self._clock()) > 0:
            if self._stopping.wait(delay):
                raise StoppedError("the process is shutting down")
