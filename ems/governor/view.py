"""The line as one process saw it last, and whether its clock is fit to go by it."""

from collections.abc import Callable

import structlog

from ems.errors import UnavailableError
from ems.governor.errors import ClockSkewError, GovernorUnavailableError
from ems.governor.lease import ClockCheck
from ems.governor.line import after_throttle, limit_of, micros
from ems.governor.others import Others
from ems.governor.policy import Policy
from ems.governor.readings import AccountReadings
from ems.governor.store import RateStore
from ems.store.rate_item import MILLI, Line

log = structlog.get_logger(__name__)


class LineView:
    """Arguments are those of :class:`ems.governor.governor.Governor`; *readings* keep the account's reading fresh."""

    def __init__(
        self,
        store: RateStore,
        readings: AccountReadings,
        policy: Policy,
        *,
        clock: Callable[[], float],
        clock_check: ClockCheck | None,
    ) -> None:
        self._store = store
        self._readings = readings
        self._policy = policy
        self._clock = clock
        self._clock_check = clock_check
        self._seen: Line | None = None
        self.others = Others(policy)

    def line(self, *, fresh: bool = False) -> Line:
        """Return the line as last seen or read *fresh*, with a limit if there is one to be had.

        Keeps the account's reading fresh on the way.

        Raises:
            GovernorUnavailableError: The store cannot be reached.
        """
        line = None if fresh else self._seen
        try:
            if line is None:
                line = self._store.read()
            if not self._clock_is_wrong() and (line is None or not (line.sampled_at or self._policy.max_send_rate)):
                line = self._readings.first()
        except UnavailableError as error:
            raise GovernorUnavailableError("the governor", str(error)) from error
        if line is None:
            self._refuse_wrong_clock()
            raise GovernorUnavailableError("the governor", "another process is making the line; try again")
        if line is not self._seen:
            self.saw(line)
        if not self._clock_is_wrong():  # a reading with a time in the future would keep every other from being made
            self._readings.keep_fresh(line)
        return line

    def saw(self, line: Line | None, *, own: int = 0) -> None:
        """Take *line* for what the store holds now; None makes the next look read it.

        *own* is how many recipients this process has booked on it just now.
        """
        self._seen = line
        if line is not None:
            self.others.saw(line, own=own, at=micros(self._clock()))

    def expected(self, *, at: int, fresh: bool = False) -> Line:
        """Return the line as it is expected to be at *at* (microseconds), or read *fresh*.

        Raises:
            GovernorUnavailableError: The store cannot be reached.
        """
        return self.others.expected(self.line(fresh=fresh), at=at)

    def limit(self, *, fresh: bool = False) -> float:
        """Return the limit in recipients a second, as last seen or read *fresh*; 0 when none is known."""
        return limit_of(self.line(fresh=fresh), self._policy) / MILLI

    def clock_offset(self) -> tuple[float, float] | None:
        """Return the bounds of how far the clock is ahead of AWS's; None when it is not measured."""
        return self._clock_check.bounds() if self._clock_check else None

    def check_clock(self) -> None:
        """Make sure that nothing is booked by a clock that is wrong.

        Raises:
            ClockSkewError: It is provably wrong.
            GovernorUnavailableError: It is not measured yet, and the store cannot be reached.
        """
        if self._clock_check is None or (self._clock_check.bounds() is not None and not self._clock_is_wrong()):
            return
        # One more answer to measure by: the first, before anything is booked by this clock, or a proof that it was
        # mended meanwhile.
        self.line(fresh=True)
        self._refuse_wrong_clock()

    def record_throttle(self) -> None:
        """Cut the rate of all processes, unless another has done so for the same throttle.

        Raises:
            UnavailableError: The store cannot be reached.
        """
        line: Line | None = self.line()
        while line is not None:
            after = after_throttle(line, now=micros(self._clock()), policy=self._policy)
            if after is None:
                return
            outcome = self._store.revise(after)
            if isinstance(outcome, Line):
                self.saw(outcome)
                log.warning("throttled", rate=outcome.penalty_rate / MILLI)
                return
            line = outcome.line

    def _clock_is_wrong(self) -> bool:
        return self._clock_check is not None and self._clock_check.skew_exceeds(self._policy.max_skew)

    def _refuse_wrong_clock(self) -> None:
        if self._clock_is_wrong():
            limit = self._policy.max_skew
            raise ClockSkewError("the clock", f"it differs from AWS's by more than {limit:g} s; synchronise it")
