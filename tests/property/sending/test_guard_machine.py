"""The content guard as a state machine: of mails with one content within a window exactly one goes out.

Whatever the order in which senders come to them, and whoever dies, stalls or gets a message twice meanwhile.
"""

from contextlib import ExitStack
from dataclasses import replace
from itertools import pairwise

from fakes.audit import auditor_of
from fakes.main_path import Answer, Fuse, MainPath
from fakes.sending import CAMPAIGN, entry
from fakes.strategies import fuses, plans, steps
from fakes.tables import moto_tables
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ems import queues
from ems.sending.requests import BulkRequest, Caller, SingleRequest
from ems.sending.resolve import Order
from ems.store.recipient_ids import recipient_id

WINDOW = 300
ANSWERS: list[Answer] = ["take", "lose answer", "throttle", "quota"]

people = st.integers(0, 1)


class Guarding(RuleBasedStateMachine):
    """A person is a content: whatever is sent to them has the same data."""

    def __init__(self) -> None:
        super().__init__()
        self._stack = ExitStack()
        self.path = MainPath(self._stack.enter_context(moto_tables()))
        self.path.campaigns.campaigns["welcome"] = replace(CAMPAIGN, duplicate_window_seconds=WINDOW)
        self.accepted: dict[str, tuple[int, float]] = {}
        """Person and time by email id."""

    @rule(person=people)
    @precondition(lambda self: len(self.accepted) < 6)
    def accept_a_mail(self, person: int) -> None:
        to = entry(person)
        request = SingleRequest("welcome", to["to"], data=to["data"])
        self.accepted[self.path.acceptance.single(request, Caller("k")).email_id] = (person, self.path.clock())

    @rule(drained=st.booleans())
    @precondition(lambda self: len(self.accepted) < 6)
    def accept_a_batch(self, *, drained: bool) -> None:
        batch = self.path.acceptance.bulk(BulkRequest("welcome", [entry(n) for n in range(2)]), Caller("k"))
        self.accepted |= {recipient_id(batch.batch_id, n): (n, self.path.clock()) for n in range(2)}
        if drained:
            self.path.drainer.tick()

    @rule(plan=plans(ANSWERS), fuse=st.none() | fuses)
    @precondition(lambda self: self.path.sqs.bodies(queues.TRIGGER))
    def a_sender_works_or_dies(self, plan: list[Answer], fuse: Fuse | None) -> None:
        self.path.ses.plan = plan
        self.path.fuse = fuse or Fuse()
        self.path.work()

    @rule(step=steps, after=st.booleans())
    @precondition(lambda self: self.path.sqs.bodies(queues.TRIGGER))
    def a_sender_stalls_while_another_works(self, step: int, *, after: bool) -> None:
        """It stalls for longer than its lease; others come to the same contents meanwhile, and to its own message."""

        def stall() -> None:
            self.path.clock.advance(130)
            while self.path.work():
                pass

        self.path.fuse = Fuse(step, after, stall)
        self.path.work()

    @rule()
    def the_drainer_ticks(self) -> None:
        self.path.drainer.tick()

    @rule(seconds=st.sampled_from([1, 61, 130, WINDOW - 1, WINDOW]))
    def wait(self, seconds: int) -> None:
        self.path.clock.advance(seconds)

    @rule(queue=st.sampled_from([queues.WAIT, queues.TRIGGER]))
    @precondition(lambda self: self.accepted)
    def a_message_comes_twice(self, queue: str) -> None:
        self.path.double(queue)

    @rule()
    def an_operator_audits(self) -> None:
        [verdict] = auditor_of(self.path).everything()
        assert verdict.breaks == []

    @invariant()
    def ses_took_nothing_twice(self) -> None:
        assert set(self.path.ses.taken.values()) <= {1}

    @invariant()
    def no_two_of_a_content_went_out_within_the_window(self) -> None:
        taken = [self.accepted[email_id] for email_id in self.path.ses.taken]
        for person in range(2):
            times = sorted(at for one, at in taken if one == person)
            assert all(later - earlier >= WINDOW for earlier, later in pairwise(times)), times

    def teardown(self) -> None:
        try:
            self.path.settle_down()
            self.ses_took_nothing_twice()
            self.no_two_of_a_content_went_out_within_the_window()
            self._everybody_who_is_held_repeats_one_that_is_not()
            self._whoever_is_released_gets_one_mail()
        finally:
            self._stack.close()

    def _everybody_who_is_held_repeats_one_that_is_not(self) -> None:
        rows = {row.email_id: row for row in self.path.tables.emails.scan()}
        assert rows.keys() == self.accepted.keys()
        assert {row.send_status for row in rows.values()} <= {"sent", "in_doubt", "held"}
        for email_id, row in rows.items():
            if row.send_status == "held":
                person, at = self.accepted[email_id]
                first_person, first_at = self.accepted[row.repeats]
                assert rows[row.repeats].send_status in {"sent", "in_doubt"}
                assert (first_person, abs(first_at - at) < WINDOW) == (person, True)

    def _whoever_is_released_gets_one_mail(self) -> None:
        self.path.resolver.everything(Order("release", "me"))
        self.path.settle_down()
        statuses = {row.email_id: row.send_status for row in self.path.tables.emails.scan()}
        assert set(statuses.values()) <= {"sent", "in_doubt"}
        assert {email_id for email_id, status in statuses.items() if status == "sent"} <= set(self.path.ses.taken)
        self.ses_took_nothing_twice()
        self.an_operator_audits()


TestGuarding = Guarding.TestCase
TestGuarding.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
