"""Runs one case."""

import random
from bisect import bisect_left
from itertools import accumulate
from statistics import quantiles

from ems.governor.line import micros
from ems.local.simulation.aws import Arrival, RemoteRateStore, Ses, Wire
from ems.local.simulation.case import WARM_UP_SECONDS, Case, Figures
from ems.local.simulation.kernel import Kernel
from ems.local.simulation.queue import Single, Trigger
from ems.local.simulation.rate_table import RateTable
from ems.local.simulation.release import Releasing
from ems.local.simulation.sender import EPOCH, Sender, World
from ems.store.rate_item import MILLI, Line

RESTART_SECONDS = 3.0
STALL_SECONDS = (0.1, 0.4)


class Simulation:
    """One deployment, from its start to the end of the case."""

    def __init__(self, case: Case) -> None:
        kernel, rng = Kernel(), random.Random(case.seed)  # noqa: S311 - the seed is the point
        wire = Wire(kernel, rng, case)
        now = micros(EPOCH)
        self._table = RateTable(Line(send_limit=round(case.rate * MILLI), sampled_at=now, refresh_at=now))
        self._store = RemoteRateStore(self._table, wire)
        self._ses = Ses(case, wire, kernel)
        self._trigger = Trigger(kernel, rng)
        self._world = World(case, kernel, rng, wire, self._store, self._ses, self._trigger)
        self._case, self._kernel, self._rng = case, kernel, rng
        self._senders: list[Sender] = []
        self._singles: list[Single] = []
        self._releasing = Releasing(self._world, self._senders)

    def run(self) -> Figures:
        """Let it all happen, and count."""
        case, kernel = self._case, self._kernel
        for _ in range(case.processes):
            self._start_sender()
        self._releasing.start()
        if case.transactional:
            kernel.at(self._rng.expovariate(case.transactional), self._accept_single)
        for _ in range(case.crashes):
            kernel.at(self._rng.uniform(WARM_UP_SECONDS, case.seconds), self._crash_one)
        try:
            kernel.run(until=case.seconds)
        finally:
            for host in (self._releasing.host, *(sender.host for sender in self._senders)):
                kernel.kill(host)
        return self._figures()

    def _start_sender(self) -> None:
        sender = Sender(self._world, name=f"sender-{len(self._senders)}")
        self._senders.append(sender)
        self._trigger.workers.append(sender)
        self._trigger.hand_out()
        if self._case.stalls:
            self._kernel.at(
                self._kernel.now + self._rng.expovariate(self._case.stalls / 60), lambda: self._stall(sender)
            )

    def _stall(self, sender: Sender) -> None:
        sender.stall(self._rng.uniform(*STALL_SECONDS))
        self._kernel.at(self._kernel.now + self._rng.expovariate(self._case.stalls / 60), lambda: self._stall(sender))

    def _crash_one(self) -> None:
        alive = [sender for sender in self._senders if sender in self._trigger.workers]
        if alive:
            self._rng.choice(alive).crash()
        self._kernel.at(self._kernel.now + RESTART_SECONDS, self._start_sender)

    def _accept_single(self) -> None:
        now = self._kernel.now
        mail = Single(now)
        self._singles.append(mail)
        self._trigger.put(mail)
        self._kernel.at(now + self._rng.expovariate(self._case.transactional), self._accept_single)

    def _figures(self) -> Figures:
        case = self._case
        arrivals = [one for one in self._ses.arrivals if one.at >= WARM_UP_SECONDS]
        measured = case.seconds - WARM_UP_SECONDS
        waits = self._waits()
        cuts = quantiles(waits, n=100, method="inclusive") if len(waits) > 1 else [0.0] * 99
        leases = sum(sender.governor.tally.leases for sender in self._senders)
        missed = sum(sender.governor.tally.missed_slots for sender in self._senders)
        return Figures(
            used=round(sum(one.recipients for one in arrivals if one.taken) / measured / (case.rate * case.takes), 4),
            fullest_second=_fullest_second(arrivals),
            throttled_bucket=sum(not one.fits_bucket for one in arrivals),
            throttled_sliding=sum(not one.fits_sliding for one in arrivals),
            calls=len(arrivals),
            p50_ms=round(cuts[49] * 1000, 1),
            p99_ms=round(cuts[98] * 1000, 1),
            requests_per_call=round(self._store.asked / max(1, len(self._ses.arrivals)), 3),
            denied_per_second=round(self._store.denied / case.seconds, 2),
            missed=round(missed / max(1, leases + missed), 4),
            release=self._releasing.figures(),
        )

    def _waits(self) -> list[float]:
        """Return how long single mails waited; those that still wait count with what they waited so far."""
        end = self._case.seconds
        return [
            (end if mail.taken_at is None else mail.taken_at) - mail.accepted_at
            for mail in self._singles
            if mail.accepted_at >= WARM_UP_SECONDS and (mail.taken_at is not None or mail.accepted_at < end - 1)
        ]


def simulate(case: Case) -> Figures:
    """Run *case*; the same case gives the same figures."""
    return Simulation(case).run()


def _fullest_second(arrivals: list[Arrival]) -> int:
    times = [one.at for one in arrivals]
    sums = list(accumulate((one.recipients for one in arrivals), initial=0))
    return max((sums[bisect_left(times, at + 1)] - sums[first] for first, at in enumerate(times)), default=0)
