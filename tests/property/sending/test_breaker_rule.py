"""The breaker's rule on any numbers."""

import math

from hypothesis import given
from hypothesis import strategies as st

from ems.sending.breaker_rule import MIN_MAILS, WINDOW_SECONDS, Limits, Z, counted, judge, wilson_lower
from ems.store.breakers import Mark, Marks, Tally

totals = st.integers(1, 10_000_000)
rates = st.floats(1e-5, 1.0)


@st.composite
def shares(draw: st.DrawFn) -> tuple[int, int]:
    total = draw(totals)
    return draw(st.integers(0, total)), total


@given(shares())
def test_the_bound_solves_the_equation_of_the_score_test(share: tuple[int, int]) -> None:
    # Wilson's bounds are where |observed - p| is Z standard errors of p itself: (p^ - p)^2 = Z^2 p (1 - p) / n.
    count, total = share
    lower = wilson_lower(count, total)
    assert 0 <= lower <= count / total
    left, right = (count / total - lower) ** 2, Z * Z * lower * (1 - lower) / total
    assert math.isclose(left, right, rel_tol=1e-6, abs_tol=1e-12)


@given(shares(), st.integers(2, 50))
def test_the_same_share_of_more_mails_is_surer(share: tuple[int, int], times: int) -> None:
    count, total = share
    assert wilson_lower(count * times, total * times) >= wilson_lower(count, total) - 1e-12


@given(shares(), rates)
def test_more_bounces_never_silence_an_alarm(share: tuple[int, int], limit: float) -> None:
    bounced, sent = share
    limits = Limits(limit, 1.0)
    if judge(Tally(sent, bounced), limits) is not None and bounced < sent:
        assert judge(Tally(sent, bounced + 1), limits) is not None


@given(shares(), rates)
def test_an_alarm_is_above_its_limit_with_enough_mails(share: tuple[int, int], limit: float) -> None:
    complained, sent = share
    alarm = judge(Tally(sent, 0, complained), Limits(1.0, limit))
    if alarm is not None:
        assert alarm.count >= MIN_MAILS
        assert alarm.count / alarm.sent >= alarm.lower > limit


@given(st.lists(st.tuples(st.floats(0, 3 * WINDOW_SECONDS), st.integers(0, 1000)), min_size=1, max_size=30))
def test_whatever_the_times_nothing_of_the_last_day_is_left_out(steps: list[tuple[float, int]]) -> None:
    now, sent, marks = 0.0, 0, None
    history: list[tuple[float, int]] = []
    for pause, more in steps:
        now, sent = now + pause, sent + more
        tally, marks = counted(marks, Mark(now, Tally(sent)))
        history.append((now, sent))
        before = max((n for at, n in history if at <= now - WINDOW_SECONDS), default=history[0][1])
        assert tally.sent >= sent - before
        assert isinstance(marks, Marks)
