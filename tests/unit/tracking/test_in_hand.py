"""Threads that take turns at mails."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ems.tracking.in_hand import InHand

groups = st.lists(st.sets(st.integers(0, 5), min_size=1), min_size=2, max_size=6)


@given(groups)
@settings(deadline=None)
def test_no_two_threads_hold_a_mail_and_none_waits_for_ever(groups: list[set[int]]) -> None:
    in_hand, start, holders, seen = InHand(), Barrier(len(groups)), [0] * 6, []

    def work(mails: set[int]) -> None:
        start.wait(10)
        with in_hand.hold(f"mail-{mail}" for mail in mails):
            for mail in mails:
                holders[mail] += 1
            seen.extend(holders[mail] for mail in mails)
            for mail in mails:
                holders[mail] -= 1

    with ThreadPoolExecutor(len(groups)) as pool:
        for done in [pool.submit(work, mails) for mails in groups]:
            done.result(10)
    assert set(seen) == {1}


def test_a_failure_lets_the_mails_go() -> None:
    in_hand = InHand()
    with pytest.raises(KeyError), in_hand.hold(["mail-1"]):
        raise KeyError
    with in_hand.hold(["mail-1"]):
        pass
