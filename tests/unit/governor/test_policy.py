import pytest

from ems.governor.policy import Policy
from ems.settings import Settings


@pytest.mark.parametrize(
    ("rate", "size"), [(0, 1), (1, 1), (14, 1), (99, 1), (100, 2), (1000, 20), (2500, 50), (9000, 50)]
)
def test_a_call_takes_a_fiftieth_of_a_second(rate: float, size: int) -> None:
    assert Policy().size_of_call(rate) == size


@pytest.mark.parametrize(("cap", "size"), [(100, 2), (10, 10), (3, 34), (1, 50)])
def test_a_cap_on_bulk_calls_makes_them_larger(cap: float, size: int) -> None:
    assert Policy(bulk_calls_per_second=cap).size_of_call(100) == size


@pytest.mark.parametrize(
    ("rate", "size"), [(1, 5), (14, 5), (50, 10), (100, 20), (200, 40), (250, 50), (1000, 40), (10_000, 50), (0, 50)]
)
def test_chunks_are_small_enough_that_two_seconds_of_them_keep_ten_calls_under_way(rate: float, size: int) -> None:
    assert Policy().size_of_chunk(rate) == size


def test_a_set_size_is_taken_as_it_is() -> None:
    assert Policy(call_size=7, bulk_calls_per_second=1).size_of_call(100) == 7


def test_the_policy_follows_the_settings() -> None:
    settings = Settings(max_send_rate=40, rate_headroom=0.1, daily_reserve=0.2, ses_call_size=3)
    policy = Policy.from_settings(settings)
    assert policy == Policy(max_send_rate=40, headroom=0.1, daily_reserve=0.2, call_size=3)
    assert Policy.from_settings(Settings(max_send_rate="auto")).max_send_rate is None


@pytest.mark.parametrize("limit", [1, 14, 50, 100, 1000, 10_000])
def test_what_slots_a_second_and_the_slack_hold_is_under_the_limit(limit: float) -> None:
    policy = Policy()
    size = policy.size_of_call(limit)
    within = (1 + policy.slack(limit)) * limit * (1 - policy.headroom)
    assert within + (size if size > 1 else 0) <= limit * 1.000001
    assert policy.slack(limit) > 0.02
