"""The status of a mail depends on which events came, and not on their order, number or repetition."""

import random
from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from ems.store.status import RANK, Status
from ems.tracking.status import Evidence, next_status

statuses = st.sampled_from(Status)
evidence = st.sampled_from(Evidence)
histories = st.lists(evidence, max_size=8)


def play(start: Status, history: list[Evidence]) -> Status:
    return reduce(next_status, history, start)


@given(statuses, evidence)
def test_no_event_lowers_a_status(status: Status, what: Evidence) -> None:
    assert RANK[next_status(status, what)] >= RANK[status]


@given(statuses, evidence)
def test_an_event_that_comes_twice_changes_nothing_the_second_time(status: Status, what: Evidence) -> None:
    once = next_status(status, what)
    assert next_status(once, what) is once


@given(statuses, histories, st.integers())
def test_any_order_with_any_repetition_ends_in_the_same_status(
    start: Status, history: list[Evidence], seed: int
) -> None:
    dice = random.Random(seed)
    again = history + [what for what in history if dice.random() < 0.5]
    dice.shuffle(again)
    assert play(start, again) is play(start, history)


@given(statuses, histories, histories)
def test_more_events_never_lead_lower(start: Status, history: list[Evidence], more: list[Evidence]) -> None:
    assert RANK[play(start, history + more)] >= RANK[play(start, history)]
