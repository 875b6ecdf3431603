"""A lab that cannot fail proves nothing: each break of a promise is seen in the books."""

from collections import Counter
from typing import Any

import pytest
from lab.books import Books, judge
from lab.caller import Accepted

ACCEPTED = Accepted("lab", singles=("mail-1",), batch_id="batch", bulk=2)
TAKEN = ("mail-1", "batch-000000", "batch-000001")
NOBODY: dict[str, frozenset[str]] = {state: frozenset() for state in ("in_doubt", "failed", "suppressed", "cancelled")}


def books(**changes: Any) -> Books:
    known: dict[str, Any] = {"taken": Counter(TAKEN), "told": Counter(), "counted": Counter(), "standing": NOBODY}
    return Books(ACCEPTED, **{**known, **changes})


def standing(**changes: str) -> dict[str, frozenset[str]]:
    return {**NOBODY, **{state: frozenset({email_id}) for state, email_id in changes.items()}}


def test_books_in_which_everybody_got_one_mail_hold() -> None:
    result = judge(books(), "quiet", doubt=0)
    assert (result.accepted, result.sent, result.breaks) == (3, 3, ())


def test_a_second_mail_is_a_break() -> None:
    result = judge(books(taken=Counter([*TAKEN, "mail-1"])), "twice", doubt=0)
    assert result.duplicates == 1
    assert result.breaks == ("1 mails went out twice",)


def test_a_second_mail_that_was_chosen_is_no_duplicate_and_a_third_is() -> None:
    twice, thrice = Counter([*TAKEN, "mail-1"]), Counter([*TAKEN, "mail-1", "mail-1"])
    chosen = {"mail-1": 1}
    result = judge(books(taken=twice, chosen=chosen), "chosen", doubt=0)
    assert (result.duplicates, result.chosen, result.breaks) == (0, 1, ())
    assert judge(books(taken=thrice, chosen=chosen), "once too often", doubt=0).duplicates == 1


def test_a_recipient_whom_ses_never_had_is_lost_unless_a_record_says_why() -> None:
    without = Counter(TAKEN[1:])
    assert judge(books(taken=without), "lost", doubt=0).lost == 1
    assert judge(books(taken=without, standing=standing(failed="mail-1")), "refused", doubt=0).breaks == ()
    assert judge(books(taken=without, cancelled=1), "cancelled", doubt=0).breaks == ()


def test_more_doubt_than_the_fault_explains_is_a_break() -> None:
    doubtful = books(taken=Counter(TAKEN[1:]), standing=standing(in_doubt="mail-1"))
    assert judge(doubtful, "explained", doubt=1).breaks == ()
    assert judge(doubtful, "unexplained", doubt=0).breaks == ("1 recipients are in doubt, at most 0 may be",)


def test_a_mail_that_was_never_accepted_is_a_break() -> None:
    assert judge(books(taken=Counter([*TAKEN, "foreign"])), "stray", doubt=0).breaks == (
        "foreign was sent and never accepted",
    )


def test_a_mail_that_the_records_call_failed_and_ses_sent_is_a_break() -> None:
    assert judge(books(standing=standing(failed="mail-1")), "wrong", doubt=0).breaks == (
        "mail-1 is failed in the records, and SES sent it",
    )


@pytest.mark.parametrize("counted", [2, 4])
def test_an_event_that_is_not_counted_once_is_a_break(counted: int) -> None:
    wrong = books(told=Counter(delivery=3), counted=Counter(delivery=counted))
    assert judge(wrong, "miscounted", doubt=0).breaks == (f"SES told 3 times of delivery, EMS counted {counted}",)


def test_what_the_audit_found_is_a_break() -> None:
    assert judge(books(breaks=("a counter is off",)), "audited", doubt=0).breaks == ("a counter is off",)
