"""DynamoDB and SES as a sender process meets them: at the far end of a network, and late."""

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from math import log
from typing import TypeVar

from ems.aws.sqs import PARALLEL_CALLS
from ems.local.simulation.case import Case
from ems.local.simulation.kernel import Kernel
from ems.local.simulation.rate_table import RateTable
from ems.local.simulator.rate import SendRate
from ems.store.rate_item import Booked, Booking, Line, Refused

Answer = TypeVar("Answer")

NETWORK_SIGMA = 0.8
"""One way in a hundred takes over six times the median."""

SERVICE_SIGMA = 0.3
"""Nine answers in ten lie between six tenths of the median and one and a half times it."""


class Wire:
    """Carries requests to AWS and the answers back."""

    def __init__(self, kernel: Kernel, rng: random.Random, case: Case) -> None:
        self._kernel = kernel
        self._rng = rng
        self._case = case

    def dynamodb(self, action: Callable[[], Answer], *, writes: int = 1) -> Answer:
        """Have *action* happen in DynamoDB; a transaction takes the time of *writes* plain writes."""
        return self._exchange(action, self._draw(self._case.dynamodb_ms * writes, SERVICE_SIGMA))

    def ses(self, action: Callable[[], Answer]) -> Answer:
        """Have *action* happen in SES."""
        return self._exchange(action, self._draw(self._case.ses_ms, SERVICE_SIGMA))

    def sqs(self, action: Callable[[], Answer], *, calls: int = 1) -> Answer:
        """Have *action* happen in SQS, with the last of *calls* calls of which eight are under way at a time."""
        waves = [min(PARALLEL_CALLS, calls - start) for start in range(0, calls, PARALLEL_CALLS)]
        service = sum(max(self._draw(self._case.sqs_ms, SERVICE_SIGMA) for _ in range(wave)) for wave in waves)
        on_the_way = sum(2 * self.one_way() for _ in waves[1:])
        return self._exchange(action, service + on_the_way)

    def one_way(self) -> float:
        """Draw the seconds that the network takes."""
        return self._draw(self._case.network_ms, NETWORK_SIGMA)

    def _exchange(self, action: Callable[[], Answer], service: float) -> Answer:
        answers: list[Answer] = []
        there, back = self.one_way() + service / 2, service / 2 + self.one_way()
        # An event of its own: it happens also when the asking process stands still or dies meanwhile.
        self._kernel.at(self._kernel.now + there, lambda: answers.append(action()))
        self._kernel.sleep(there + back)
        return answers[0]

    def _draw(self, median_ms: float, sigma: float) -> float:
        return self._rng.lognormvariate(log(median_ms), sigma) / 1000 if median_ms else 0.0


class RemoteRateStore:
    """The one line of all processes, in DynamoDB; counts what it is asked."""

    def __init__(self, table: RateTable, wire: Wire) -> None:
        self._table = table
        self._wire = wire
        self.asked = 0
        self.denied = 0

    def read(self) -> Line | None:
        """Read the line."""
        return self._wire.dynamodb(self._table.read)

    def book(self, booking: Booking) -> Booked | Refused:
        """Move the line if the booking still holds when it arrives."""
        outcome = self._wire.dynamodb(lambda: self._table.book(booking))
        self.asked += 1
        self.denied += isinstance(outcome, Refused)
        return outcome

    def revise(self, line: Line) -> Line | Refused:
        """Change rate or penalty."""
        return self._wire.dynamodb(lambda: self._table.revise(line))

    def claim_refresh(self, *, now: int, every: int) -> Line | None:
        """Claim the reading of the account."""
        return self._wire.dynamodb(lambda: self._table.claim_refresh(now=now, every=every))


class SlidingSecond:
    """The strictest way to keep a rate: no second, wherever it begins, holds more than the rate."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._taken: deque[tuple[float, int]] = deque()
        self._sum = 0

    def admit(self, recipients: int, *, now: float) -> bool:
        """Take a call if it fits, or refuse it."""
        while self._taken and self._taken[0][0] <= now - 1:
            self._sum -= self._taken.popleft()[1]
        if self._sum + recipients > self._rate:
            return False
        self._taken.append((now, recipients))
        self._sum += recipients
        return True


@dataclass(frozen=True, slots=True)
class Arrival:
    """One call as it reached SES: when, how many recipients, and who would have taken it."""

    at: float
    recipients: int
    fits_bucket: bool
    fits_sliding: bool
    taken: bool


class Ses:
    """Keeps both accounts of every call; the one of the case refuses."""

    def __init__(self, case: Case, wire: Wire, kernel: Kernel) -> None:
        rate = case.rate * case.takes
        self._accounting = case.accounting
        self._wire = wire
        self._kernel = kernel
        self._bucket = SendRate(rate=rate, now=0.0)
        self._sliding = SlidingSecond(rate)
        self.arrivals: list[Arrival] = []

    def send(self, recipients: int) -> Arrival:
        """Call SES."""
        return self._wire.ses(lambda: self._arrive(recipients))

    def _arrive(self, recipients: int) -> Arrival:
        now = self._kernel.now
        bucket = self._bucket.admit(recipients, now=now)
        sliding = self._sliding.admit(recipients, now=now)
        arrival = Arrival(now, recipients, bucket, sliding, bucket if self._accounting == "bucket" else sliding)
        self.arrivals.append(arrival)
        return arrival
