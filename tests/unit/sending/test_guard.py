"""The content guard on the main path: what is held, and what an operator makes of it."""

from dataclasses import replace

import pytest
from fakes.aws import counted_calls
from fakes.main_path import SUPPRESSED, MainPath
from fakes.sending import CAMPAIGN, address, entry
from fakes.sending import single as outgoing

from ems import queues
from ems.errors import ConflictError
from ems.sending.requests import BulkRequest, Caller, SingleRequest
from ems.sending.resolve import Order, Resolution, Word
from ems.store.models import TrackerRow
from ems.store.tables import Tables

WINDOW = 600
NO_KEY = Caller("k")


@pytest.fixture
def path(tables: Tables) -> MainPath:
    made = MainPath(tables)
    made.campaigns.campaigns["welcome"] = replace(CAMPAIGN, duplicate_window_seconds=WINDOW)
    return made


def single(path: MainPath, to: str = address(7), caller: Caller = NO_KEY, **data: str) -> str:
    request = SingleRequest("welcome", to, data={"name": "Ada", **data})
    return path.acceptance.single(request, caller).email_id


def bulk(path: MainPath, size: int = 3, caller: Caller = NO_KEY) -> str:
    request = BulkRequest("welcome", [entry(n) for n in range(size)])
    return path.acceptance.bulk(request, caller).batch_id


def row(path: MainPath, email_id: str) -> TrackerRow:
    found: TrackerRow = path.tables.emails.get(email_id)
    return found


def counts(path: MainPath, batch_id: str) -> dict[str, int]:
    shown = path.view.get(batch_id).counts
    names = ("waiting", "sending", "sent", "failed", "suppressed", "cancelled", "in_doubt", "held")
    return {name: number for name in names if (number := getattr(shown, name))}


@pytest.fixture
def pair(path: MainPath) -> tuple[str, str]:
    """A single mail that was sent, and its repetition, which is held."""
    first, second = single(path), single(path)
    path.run(seconds=1)
    return first, second


@pytest.fixture
def twice(path: MainPath) -> str:
    """The second of two batches to the same three people."""
    bulk(path)
    batch_id = bulk(path)
    path.run(seconds=5)
    return batch_id


def test_a_mail_that_repeats_another_is_held_and_says_which(path: MainPath, pair: tuple[str, str]) -> None:
    first, second = pair
    assert path.ses.taken == {first: 1}
    assert (row(path, second).send_status, row(path, second).repeats) == ("held", first)
    path.run(seconds=2 * WINDOW)
    assert path.ses.taken == {first: 1}


def test_another_recipient_or_other_data_is_another_mail(path: MainPath) -> None:
    mails = [single(path), single(path, address(8)), single(path, coupon="x")]
    path.run(seconds=1)
    assert path.ses.taken == dict.fromkeys(mails, 1)


def test_the_case_of_an_address_and_where_its_data_stood_make_no_difference(path: MainPath) -> None:
    request = BulkRequest("welcome", [{"to": address(7)}], data={"name": "Ada"})
    path.acceptance.bulk(request, NO_KEY)
    path.run(seconds=1)
    repetition = single(path, address(7).replace("person", "Person"))
    path.run(seconds=1)
    assert row(path, repetition).send_status == "held"


def test_after_the_window_the_same_mail_goes_out(path: MainPath) -> None:
    single(path)
    path.clock.advance(WINDOW)
    single(path)
    path.run(seconds=1)
    assert path.ses.taken.total() == 2


def test_a_wait_in_the_queue_does_not_outlive_the_window(path: MainPath) -> None:
    first = single(path)
    path.run(seconds=1)
    second = single(path)
    path.clock.advance(10 * WINDOW)
    path.run(seconds=1)
    assert path.ses.taken == {first: 1}
    assert row(path, second).send_status == "held"


def test_whoever_uses_keys_vouches_for_its_own_repetitions(path: MainPath) -> None:
    for caller in (Caller("k", "one"), Caller("k", "two"), NO_KEY):
        single(path, caller=caller)
    path.run(seconds=1)
    assert path.ses.taken.total() == 3


def test_a_mail_to_a_suppressed_address_is_suppressed_and_not_held(path: MainPath) -> None:
    mails = [single(path, SUPPRESSED) for _ in range(2)]
    path.run(seconds=1)
    assert [row(path, email_id).send_status for email_id in mails] == ["suppressed", "suppressed"]


def test_the_repetition_of_a_batch_is_held_and_counted(path: MainPath, twice: str) -> None:
    assert counts(path, twice) == {"held": 3}
    assert path.view.get(twice).status == "done"
    assert path.ses.taken.total() == 3
    assert row(path, f"{twice}-000001").repeats.endswith("-000001")


@pytest.mark.parametrize("word", ["release", "drop"])
def test_a_dry_run_counts_what_is_held_and_changes_nothing(
    path: MainPath, twice: str, pair: tuple[str, str], word: Word
) -> None:
    order = Order(word, "me", dry_run=True)
    assert path.resolver.batch(twice, order) == Resolution(decided=3)
    assert path.resolver.email(pair[1], order) == Resolution(decided=1)
    assert path.resolver.everything(order) == Resolution(decided=4)
    path.run(seconds=5)
    assert counts(path, twice) == {"held": 3}
    assert row(path, pair[1]).send_status == "held"


def test_a_held_mail_that_is_released_is_sent_once_however_often_that_is_said(
    path: MainPath, pair: tuple[str, str]
) -> None:
    for _ in range(2):
        assert path.resolver.email(pair[1], Order("release", "me")) == Resolution(decided=1)
    path.run(seconds=5)
    assert path.ses.taken == dict.fromkeys(pair, 1)
    released = row(path, pair[1])
    assert [(one["decision"], one["by"], one["reason"]) for one in released.decisions] == [
        ("release", "me", f"possible duplicate of {pair[0]}")
    ]
    with pytest.raises(ConflictError, match="is not held"):
        path.resolver.email(pair[1], Order("release", "me"))


def test_a_released_mail_whose_address_was_suppressed_meanwhile_is_suppressed(path: MainPath) -> None:
    single(path)
    second = single(path)
    path.run(seconds=1)
    path.suppressions.reasons[address(7)] = "complaint"
    path.resolver.email(second, Order("release", "me"))
    path.run(seconds=5)
    assert row(path, second).send_status == "suppressed"


def test_a_dropped_mail_is_not_sent_by_a_release_that_is_still_on_its_way(
    path: MainPath, pair: tuple[str, str]
) -> None:
    path.resolver.email(pair[1], Order("release", "me"))
    assert path.resolver.email(pair[1], Order("drop", "me")) == Resolution(decided=1)
    path.run(seconds=5)
    assert path.ses.taken == {pair[0]: 1}
    assert (row(path, pair[1]).send_status, row(path, pair[1]).reason) == (
        "failed",
        f"dropped: possible duplicate of {pair[0]}",
    )
    assert not path.sqs.bodies(queues.TRIGGER)


def test_one_recipient_of_a_batch_is_released_and_the_others_stay(path: MainPath, twice: str) -> None:
    assert path.resolver.email(f"{twice}-000001", Order("release", "me")) == Resolution(decided=1)
    path.run(seconds=5)
    assert counts(path, twice) == {"sent": 1, "held": 2}
    assert path.resolver.batch(twice, Order("release", "me")) == Resolution(decided=2)
    path.run(seconds=5)
    assert counts(path, twice) == {"sent": 3}
    assert path.resolver.batch(twice, Order("release", "me")) == Resolution()
    assert set(path.ses.taken.values()) == {1}
    assert path.ses.taken.total() == 6


def test_a_batch_is_dropped(path: MainPath, twice: str) -> None:
    assert path.resolver.batch(twice, Order("drop", "me")) == Resolution(decided=3)
    assert counts(path, twice) == {"failed": 3}
    path.run(seconds=5)
    assert path.ses.taken.total() == 3


def test_orders_about_doubts_leave_what_is_held_alone(path: MainPath, twice: str) -> None:
    words: list[Word] = ["sent", "failed", "resend"]
    for word in words:
        assert path.resolver.batch(twice, Order(word, "me")) == Resolution()
        assert path.resolver.everything(Order(word, "me")) == Resolution()
    assert counts(path, twice) == {"held": 3}


def test_of_a_cancelled_batch_nobody_is_released_and_whoever_was_is_held_again(path: MainPath, twice: str) -> None:
    path.resolver.email(f"{twice}-000000", Order("release", "me"))
    path.view.cancel(twice)
    path.run(seconds=5)
    assert counts(path, twice) == {"held": 3}
    assert path.resolver.batch(twice, Order("release", "me")) == Resolution(impossible=3)
    assert path.resolver.batch(twice, Order("drop", "me")) == Resolution(decided=3)


def test_a_message_whose_mail_was_never_accepted_holds_nobody_up(path: MainPath) -> None:
    stray = outgoing("stray", to=address(7), duplicate_window_seconds=WINDOW, accepted_at=path.clock())
    path.sqs.send(queues.TRIGGER, [stray.message()])
    path.run(seconds=1)
    next_attempt = single(path)
    path.run(seconds=1)
    assert path.ses.taken == {next_attempt: 1}


@pytest.mark.parametrize(("kind", "reads"), [("single", 2), ("bulk", 1)])
def test_a_campaign_without_a_window_costs_no_call_more_and_one_with_it_two_a_chunk(
    path: MainPath, kind: str, reads: int
) -> None:
    """Both are new contents; a guard that asked anyway would show here."""
    calls = {}
    for window in (0, WINDOW):
        path.campaigns.campaigns["welcome"] = replace(CAMPAIGN, duplicate_window_seconds=window)
        with counted_calls(path.tables.connection.client) as accepting:
            single(path) if kind == "single" else bulk(path, 40)
        path.drainer.tick()
        with counted_calls(path.tables.connection.client) as sending:
            while path.work():
                pass
        calls[window] = (accepting, sending)
    assert calls[WINDOW][0] == calls[0][0]
    assert calls[WINDOW][1] - calls[0][1] == {"BatchGetItem": reads, "TransactWriteItems": 1}
    assert not calls[0][1] - calls[WINDOW][1]
