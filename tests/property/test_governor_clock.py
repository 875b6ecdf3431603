"""The clock's offset from Date headers: never proves what is not so, and proves what is."""

from hypothesis import assume, given
from hypothesis import strategies as st

from ems.aws.clock import Offset, SkewMeter

START = 1_700_000_000.0

answers = st.lists(
    st.tuples(
        st.floats(0, 20),  # seconds since the answer before
        st.floats(0, 0.5),  # way there
        st.floats(0, 0.5),  # way back
        st.floats(0, 1),  # age of the Date header
    ),
    min_size=1,
    max_size=50,
)
offsets = st.floats(-3, 3)


def observed(answers: list[tuple[float, float, float, float]], *, ahead: float, staleness: float = 1.0) -> SkewMeter:
    """Let a clock that is *ahead* of the server's see answers whose Date was cut to whole seconds."""
    meter = SkewMeter(staleness=staleness)
    now = START
    for gap, there, back, age in answers:
        now += gap
        date = float(int(now + there - min(age, staleness)))
        meter.observe(sent=now + ahead, received=now + there + back + ahead, date=date)
    return meter


@given(answers=answers, ahead=offsets)
def test_the_bounds_always_hold_the_true_offset(answers: list[tuple[float, float, float, float]], ahead: float) -> None:
    bounds = observed(answers, ahead=ahead).bounds()
    assert bounds is not None
    assert bounds[0] - 1e-6 <= ahead <= bounds[1] + 1e-6


@given(answers=answers, ahead=st.floats(-0.249, 0.249))
def test_a_small_offset_is_never_called_a_large_one(
    answers: list[tuple[float, float, float, float]], ahead: float
) -> None:
    assert not observed(answers, ahead=ahead).skew_exceeds(0.25)


@given(ahead=offsets, phase=st.floats(0, 0.1))
def test_fresh_headers_prove_any_large_offset_soon(ahead: float, phase: float) -> None:
    assume(abs(ahead) > 0.45)
    steady = [(phase if index == 0 else 0.09, 0.02, 0.02, 0.0) for index in range(60)]
    assert observed(steady, ahead=ahead, staleness=0).skew_exceeds(0.25)


@given(before=offsets, after=offsets, phase=st.floats(0, 0.1))
def test_after_a_step_of_the_clock_the_bounds_follow(before: float, after: float, phase: float) -> None:
    assume(abs(before - after) > 1.2)
    meter, now = SkewMeter(staleness=0), START + phase
    for ahead in (before, after):
        for _ in range(60):
            now += 0.09
            meter.observe(sent=now + ahead, received=now + 0.02 + ahead, date=float(int(now + 0.01)))
    bounds = meter.bounds()
    assert bounds is not None
    assert bounds[0] - 1e-6 <= after <= bounds[1] + 1e-6


@given(a=st.tuples(offsets, offsets), b=st.tuples(offsets, offsets))
def test_intersecting_bounds_only_narrows_them(a: tuple[float, float], b: tuple[float, float]) -> None:
    both = Offset(*a) & Offset(*b)
    assert both.least >= max(a[0], b[0])
    assert both.most <= min(a[1], b[1])
