"""When the breaker trips: a pure rule on counts.

It trips when a rate is above its limit and that is no accident: when the lower bound of the rate's Wilson score
interval at 95 % is above the limit (E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical
Inference", Journal of the American Statistical Association 22, 1927). At rates of thousandths a single mail lifts that
bound above the limit, since the interval covers too little near 0 (Brown, Cai and DasGupta, "Interval Estimation for a
Binomial Proportion", Statistical Science 16, 2001), and the rule is asked again and again: so MIN_MAILS must say it.
"""

import math
from dataclasses import dataclass
from typing import Literal

from ems.settings import Settings
from ems.store.breakers import Mark, Marks, Tally

MIN_MAILS = 5
"""Fewer bounced mails or complaints prove nothing. Of campaigns at 70 % of a limit the rule stops 2 in 100."""

Z = 1.959963984540054
"""The 97.5th percentile of the normal distribution: a two-sided interval of 95 %."""

WINDOW_SECONDS = 86_400.0
"""Counted is at least what came in for so long, unless it began to count later."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Shares of the mails sent, from 0 to 1; 1 is no limit."""

    bounce_rate: float
    complaint_rate: float

    @classmethod
    def from_settings(cls, settings: Settings) -> "Limits":
        """Take what the settings say."""
        return cls(settings.breaker_bounce_rate, settings.breaker_complaint_rate)


@dataclass(frozen=True, slots=True)
class Alarm:
    """A rate that is above its limit: ``count`` of ``sent`` mails, ``lower`` being the lower bound of the rate."""

    kind: Literal["hard bounces", "complaints"]
    count: int
    sent: int
    lower: float
    limit: float

    def __str__(self) -> str:
        """Say it to a person, with the numbers."""
        setting = "EMS_BREAKER_BOUNCE_RATE" if self.kind == "hard bounces" else "EMS_BREAKER_COMPLAINT_RATE"
        return (
            f"{self.count} {self.kind} of {self.sent} mails sent: {_percent(self.count / self.sent)}, and with 95 % "
            f"confidence more than {_percent(self.lower)}; the limit is {_percent(self.limit)} ({setting})"
        )


def judge(tally: Tally, limits: Limits) -> Alarm | None:
    """Return what is wrong with *tally*, hard bounces first; None when nothing is."""
    return _above("hard bounces", tally.hard_bounced, tally.sent, limits.bounce_rate) or _above(
        "complaints", tally.complained, tally.sent, limits.complaint_rate
    )


def wilson_lower(count: int, total: int) -> float:
    """Return the lower bound of the 95 % Wilson score interval of *count* in *total*; 0 for nothing in nothing."""
    if not count:
        return 0.0
    share, square = count / total, Z * Z / total
    spread = Z * math.sqrt(share * (1 - share) / total + square / (4 * total))
    return (share + square / 2 - spread) / (1 + square)


def counted(marks: Marks | None, now: Mark) -> tuple[Tally, Marks]:
    """Return what was counted in the time that is looked at, until *now*, and the marks to go on with.

    Without marks it begins now. The beginning moves once a day at most, to where it stood a day before: what counts is
    a day or two, and after a time without sending all since the last one, so that its late complaints count too.
    """
    if marks is None:
        return Tally(), Marks(now, now)
    if now.at - marks.later.at >= WINDOW_SECONDS:
        marks = Marks(marks.later, now)
    return now.tally.since(marks.base.tally), marks


def _above(kind: Literal["hard bounces", "complaints"], count: int, sent: int, limit: float) -> Alarm | None:
    # An event may come before the one that says that its mail was sent, or after the counting began anew.
    sent = max(sent, count)
    if count < MIN_MAILS or (lower := wilson_lower(count, sent)) <= limit:
        return None
    return Alarm(kind, count, sent, lower, limit)


def _percent(share: float) -> str:
    return f"{share * 100:.3g} %"
