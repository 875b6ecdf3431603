"""Looking through a dead-letter queue, trying again, giving up."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from fakes.clock import Clock
from fakes.queues import MemorySqs
from fakes.release import FakeLine, put, tick
from fakes.sending import chunk, single

from ems import messages, queues
from ems.aws.sqs import OutgoingMessage
from ems.errors import UnavailableError
from ems.sending.dead_letters import DeadLetters
from ems.sending.letter_walk import IN_HAND_SECONDS
from ems.sending.outcomes import Delivery, Finished, Postponed
from ems.sending.release import Drainer
from ems.store.failed_runs import FailedRuns
from ems.store.parking import Parking
from ems.store.tables import Tables

DEAD = queues.dead_letter(queues.TRIGGER)


@dataclass
class FakeDelivery:
    """Gives up, or has it in hand, as told."""

    answer: Delivery = field(default_factory=Finished)
    given_up: list[tuple[Any, str]] = field(default_factory=list)

    def give_up(self, payload: Any, *, reason: str) -> Delivery:
        self.given_up.append((payload, reason))
        return self.answer


@pytest.fixture
def emails() -> FakeDelivery:
    return FakeDelivery()


@pytest.fixture
def chunks() -> FakeDelivery:
    return FakeDelivery()


@pytest.fixture
def failed_runs(tables: Tables, clock: Clock) -> FailedRuns:
    return FailedRuns(tables, clock=clock)


@pytest.fixture
def dead_letters(
    sqs: MemorySqs,
    failed_runs: FailedRuns,
    parking: Parking,
    emails: FakeDelivery,
    chunks: FakeDelivery,
    clock: Clock,
) -> DeadLetters:
    return DeadLetters(sqs=sqs, failed_runs=failed_runs, parking=parking, emails=emails, chunks=chunks, clock=clock)


def bury(sqs: MemorySqs, *bodies: str, queue: str = queues.TRIGGER) -> list[str]:
    """Put bodies into a dead-letter queue; return their ids."""
    sqs.send(queues.dead_letter(queue), [OutgoingMessage(body) for body in bodies])
    return [str(messages.header_of(body, "id")) for body in bodies]


def mails(number: int) -> list[str]:
    return [single(f"e{n}").message().body for n in range(number)]


def test_a_summary_tells_how_many_how_old_and_why(
    dead_letters: DeadLetters, sqs: MemorySqs, failed_runs: FailedRuns, clock: Clock
) -> None:
    first = clock()
    ids = bury(sqs, *mails(12))
    failed_runs.add(ids[0], receive=5, error="KeyError: 'mail'")
    clock.advance(60)
    bury(sqs, *mails(3))
    summary = dead_letters.summary(queues.TRIGGER)
    assert (summary.letters, summary.oldest_at, summary.newest_at) == (15, first, first + 60)
    assert summary.reasons["KeyError: 'mail'"] == 1
    assert summary.reasons.total() == 15


def test_looking_leaves_the_letters_where_others_find_them_at_once(dead_letters: DeadLetters, sqs: MemorySqs) -> None:
    bury(sqs, *mails(25))
    assert len(dead_letters.letters(queues.TRIGGER)) == 25
    assert len(dead_letters.letters(queues.TRIGGER)) == 25


def test_a_letter_is_found_in_whichever_queue_it_lies(dead_letters: DeadLetters, sqs: MemorySqs) -> None:
    [wanted] = bury(sqs, *mails(1), queue=queues.EVENTS)
    found = dead_letters.find(wanted)
    assert found is not None
    assert found.queue == queues.EVENTS
    assert dead_letters.find("another") is None


def test_a_search_goes_no_further_than_the_letter_and_gives_back_what_it_took(
    dead_letters: DeadLetters, sqs: MemorySqs
) -> None:
    ids = bury(sqs, *mails(25))
    assert dead_letters.find(ids[3]) is not None
    assert sqs.receive_counts(DEAD) == [1] * 10 + [0] * 15
    assert len(dead_letters.letters(queues.TRIGGER)) == 25


def test_letters_are_sent_and_deleted_ten_at_a_call(dead_letters: DeadLetters, sqs: MemorySqs) -> None:
    bury(sqs, *mails(25))
    dead_letters.redrive(queues.TRIGGER)
    pages = [[("send", queues.TRIGGER, number), ("delete", DEAD, number)] for number in (10, 10, 5)]
    assert sqs.calls == [("send", DEAD, 25), *pages[0], *pages[1], *pages[2], ("show", DEAD, 0)]


def test_all_letters_of_a_queue_are_tried_again_as_they_are(dead_letters: DeadLetters, sqs: MemorySqs) -> None:
    bodies = mails(25)
    bury(sqs, *bodies)
    assert dead_letters.redrive(queues.TRIGGER) == 25
    assert sorted(sqs.bodies(queues.TRIGGER)) == sorted(bodies)
    assert sqs.bodies(DEAD) == []


def test_one_letter_is_tried_again_and_the_others_stay_within_reach(dead_letters: DeadLetters, sqs: MemorySqs) -> None:
    ids = bury(sqs, *mails(3))
    assert dead_letters.redrive(queues.TRIGGER, [ids[1]]) == 1
    assert [messages.header_of(body, "id") for body in sqs.bodies(queues.TRIGGER)] == [ids[1]]
    assert len(sqs.receive(DEAD, limit=10)) == 2


def test_a_chunk_that_is_tried_again_waits_for_its_turn_and_not_for_the_room_that_it_takes_itself(
    dead_letters: DeadLetters, drainer: Drainer, sqs: MemorySqs, rate: FakeLine
) -> None:
    rate.effective_rate = 25.0  # room for one chunk
    put(sqs, 1)
    assert tick(drainer).released == 1
    [released] = sqs.receive(queues.TRIGGER, limit=1)
    sqs.delete(queues.TRIGGER, [released])
    sqs.send(DEAD, [OutgoingMessage(released.body)])
    assert dead_letters.redrive(queues.TRIGGER) == 1
    assert tick(drainer).released == 1
    assert sqs.bodies(queues.TRIGGER) == [released.body]


def test_a_letter_that_dies_again_meanwhile_is_not_walked_for_ever(dead_letters: DeadLetters, sqs: MemorySqs) -> None:
    class Returning(MemorySqs):
        def send(self, queue: str, messages: Any) -> None:
            self.clock.advance(1)  # type: ignore[attr-defined]
            super().send(queues.dead_letter(queue), messages)

    bury(sqs, *mails(2))
    returning = Returning(sqs.clock, queues=sqs.queues, numbers=sqs.numbers)
    dead_letters._sqs = returning
    assert dead_letters.redrive(queues.TRIGGER) == 2


def test_a_crash_between_the_copy_and_the_deletion_leaves_both(dead_letters: DeadLetters, sqs: MemorySqs) -> None:
    bury(sqs, *mails(1))
    sqs.down = {"delete"}
    with pytest.raises(UnavailableError):
        dead_letters.redrive(queues.TRIGGER)
    assert (len(sqs.bodies(queues.TRIGGER)), len(sqs.bodies(DEAD))) == (1, 1)


def test_giving_up_tells_the_deliveries_why(
    dead_letters: DeadLetters, sqs: MemorySqs, failed_runs: FailedRuns, emails: FakeDelivery, chunks: FakeDelivery
) -> None:
    [identifier] = bury(sqs, single("e1").message().body)
    failed_runs.add(identifier, receive=5, error="KeyError: 'x'")
    sqs.send(DEAD, [chunk(3).message(), OutgoingMessage("foreign")])
    assert dead_letters.drop(queues.TRIGGER).gone == 3
    assert emails.given_up == [(single("e1"), "dropped from email-trigger-dlq: KeyError: 'x'")]
    assert [payload for payload, _ in chunks.given_up] == [chunk(3)]
    assert sqs.bodies(DEAD) == []


def test_what_a_sender_has_in_hand_is_not_dropped(
    dead_letters: DeadLetters, sqs: MemorySqs, emails: FakeDelivery
) -> None:
    emails.answer = Postponed(20, "another sender has it")
    bury(sqs, *mails(1))
    dropped = dead_letters.drop(queues.TRIGGER)
    assert dropped.gone == 0
    assert [why for _, why in dropped.kept] == ["another sender has it; try again in 20 s"]
    assert len(sqs.receive(DEAD, limit=10)) == 1


def test_one_letter_is_dropped_and_the_others_stay(
    dead_letters: DeadLetters, sqs: MemorySqs, emails: FakeDelivery
) -> None:
    ids = bury(sqs, *mails(3))
    assert dead_letters.drop(queues.TRIGGER, [ids[2]]).gone == 1
    assert [payload.email_id for payload, _ in emails.given_up] == ["e2"]
    assert len(sqs.bodies(DEAD)) == 2


def test_a_walk_that_an_outage_ends_gives_the_letters_back_in_time(
    dead_letters: DeadLetters, sqs: MemorySqs, clock: Clock
) -> None:
    bury(sqs, *mails(2))
    sqs.down = {"show"}
    with pytest.raises(UnavailableError):
        dead_letters.summary(queues.TRIGGER)
    sqs.down = set()
    clock.advance(IN_HAND_SECONDS)
    assert dead_letters.summary(queues.TRIGGER).letters == 2
