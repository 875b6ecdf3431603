"""Keeps the account's reading in the line fresh: one process reads for all, once a minute."""

import time
from collections.abc import Callable
from dataclasses import replace
from threading import Lock, Thread

import structlog

from ems.aws.account import AccountSample
from ems.errors import UnavailableError
from ems.governor.day import marked
from ems.governor.line import after_reading, micros, used_24h
from ems.governor.policy import Policy
from ems.governor.store import RateStore
from ems.store.rate_item import SECOND, Line, Refused

log = structlog.get_logger(__name__)

FIRST_CLAIM_SECONDS = 2.0
"""How long a claim holds while no reading exists yet; SES refuses GetAccount more than once a second."""

ON_THE_WAY_SECONDS = 2
"""What was granted for slots of the last seconds SES may not have counted when it says how much was sent."""

FIRST_POLL_SECONDS = 0.1
FIRST_POLLS = 30


class AccountReadings:
    """Reads the account when this process finds the reading old, unless another process is at it.

    A failed reading changes nothing: the line keeps the last one, and ``last_error`` says what happened.
    """

    def __init__(
        self,
        store: RateStore,
        account: Callable[[], AccountSample],
        policy: Policy,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._account = account
        self._policy = policy
        self._clock = clock
        self._busy = Lock()
        self._next_look = 0
        self.last_error: str | None = None

    def first(self) -> Line | None:
        """Make sure of a line with a reading, waiting a few seconds for whichever process reads.

        Returns the line, without a reading when there is none to be had.

        Raises:
            UnavailableError: The store cannot be reached.
        """
        line: Line | None = None
        for _ in range(FIRST_POLLS):
            now = micros(self._clock())
            claim = self._store.claim_refresh(now=now, every=micros(FIRST_CLAIM_SECONDS))
            if claim is not None:
                return self._read_for(claim)
            line = self._store.read()
            if line is not None and (line.sampled_at or self._policy.max_send_rate is not None):
                return line
            time.sleep(FIRST_POLL_SECONDS)
        return line

    def keep_fresh(self, line: Line) -> None:
        """Start a reading in the background when *line*'s is old."""
        now = micros(self._clock())
        every = micros(self._policy.refresh_seconds)
        if now < max(line.sampled_at + every, line.refresh_at + every, self._next_look):
            return
        if self._busy.acquire(blocking=False):
            self._next_look = now + micros(FIRST_CLAIM_SECONDS)
            Thread(target=self._refresh, name="ems-account-reading", daemon=True).start()

    def _refresh(self) -> None:
        try:
            every = micros(self._policy.refresh_seconds)
            claim = self._store.claim_refresh(now=micros(self._clock()), every=every)
            if claim is not None:
                self._read_for(claim)
        except UnavailableError as error:
            self.last_error = str(error)
            log.warning("account_reading_not_stored", error=str(error))
        finally:
            self._busy.release()

    def _read_for(self, claim: Line) -> Line:
        try:
            sample = self._account()
        except UnavailableError as error:
            self.last_error = str(error)
            log.warning("account_not_read", error=str(error), keeping_rate=claim.send_limit / 1000)
            return claim
        self.last_error = None
        granted = claim.granted - _not_counted(claim, sample)
        outcome = self._revised(claim, sample, granted=granted)
        while isinstance(outcome, Refused) and outcome.line is not None:
            outcome = self._revised(outcome.line, sample, granted=granted)
        return claim if isinstance(outcome, Refused) else outcome

    def _revised(self, line: Line, sample: AccountSample, *, granted: int) -> Line | Refused:
        now = micros(self._clock())
        after = after_reading(line, sample, now=now, granted=granted)
        return self._store.revise(replace(after, hours=marked(line, now=now, granted=granted)))


def _not_counted(claim: Line, sample: AccountSample) -> int:
    """Return how many of the recipients granted by *claim* SES did not count in *sample*, as far as can be told.

    Of those whose slots are ahead or just past, as many as SES says less than the line knows of.
    """
    recent = claim.refresh_at // SECOND - ON_THE_WAY_SECONDS
    on_the_way = sum(recipients for second, recipients in claim.used.items() if second > recent)
    if not claim.sampled_at:
        return on_the_way
    return min(on_the_way, max(0, used_24h(claim) - int(sample.sent_24h)))
