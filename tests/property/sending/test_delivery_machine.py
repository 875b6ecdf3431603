"""The main path as a state machine whose records must agree with SES's own log in the end.

Processes die between any two steps, answers are lost, messages come twice, clocks run on, operators pause, resume and
cancel.
"""

from contextlib import ExitStack
from dataclasses import replace
from typing import Any

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
from ems.store.recipient_ids import split_recipient_id

ANSWERS: list[Answer] = ["take", "refuse", "lose answer", "lose mail", "throttle", "quota", "outage"]
MAYBE_TAKEN = {"in_doubt"}


class Delivering(RuleBasedStateMachine):
    """Each rule is a step of some process, or of the world."""

    def __init__(self) -> None:
        super().__init__()
        self._stack = ExitStack()
        self.path = MainPath(self._stack.enter_context(moto_tables()))
        self.path.campaigns.campaigns["news"] = replace(CAMPAIGN, campaign_id="news")
        self.batches: list[str] = []
        self.singles: list[str] = []
        self.requests = 0

    @rule(size=st.integers(1, 7), campaign=st.sampled_from(["welcome", "news"]), drained=st.booleans())
    @precondition(lambda self: self.requests < 3)
    def accept_a_batch(self, size: int, campaign: str, *, drained: bool) -> None:
        self.requests += 1
        request = BulkRequest(campaign, [entry(i) for i in range(size)])
        self.batches.append(self.path.acceptance.bulk(request, Caller("k", str(self.requests))).batch_id)
        if drained:
            self.path.drainer.tick()

    @rule(place=st.integers(0, 4))
    @precondition(lambda self: self.requests < 3)
    def accept_a_mail(self, place: int) -> None:
        self.requests += 1
        request = SingleRequest("welcome", entry(place)["to"], data={"name": "A"})
        self.singles.append(self.path.acceptance.single(request, Caller("k", str(self.requests))).email_id)

    @rule(fuse=fuses)
    @precondition(lambda self: self.path.sqs.bodies(queues.WAIT) or self.path.parking.waiting().lots)
    def a_drainer_dies(self, fuse: Fuse) -> None:
        self.path.fuse = fuse
        self.path.survives(self.path.drainer.tick)

    @rule(step=steps, after=st.booleans())
    @precondition(lambda self: self.batches)
    def a_drainer_stalls_while_another_ticks(self, step: int, *, after: bool) -> None:
        def stall() -> None:
            self.path.clock.advance(31)
            self.path.drainer.tick()

        self.path.fuse = Fuse(step, after, stall)
        self.path.survives(self.path.drainer.tick)

    @rule(plan=plans(ANSWERS))
    @precondition(lambda self: self.path.sqs.bodies(queues.TRIGGER))
    def a_sender_works(self, plan: list[Answer]) -> None:
        self.path.ses.plan = plan
        self.path.work()

    @rule(fuse=fuses, plan=plans(ANSWERS))
    @precondition(lambda self: self.path.sqs.bodies(queues.TRIGGER))
    def a_sender_dies(self, fuse: Fuse, plan: list[Answer]) -> None:
        self.path.ses.plan = plan
        self.path.fuse = fuse
        self.path.work()

    @rule(step=steps, after=st.booleans(), plan=plans(ANSWERS))
    @precondition(lambda self: self.path.sqs.bodies(queues.TRIGGER))
    def a_sender_stalls_while_another_takes_over(self, step: int, plan: list[Answer], *, after: bool) -> None:
        """It stalls for longer than its lease; its message comes back to another sender meanwhile."""

        def stall() -> None:
            self.path.clock.advance(130)
            self.path.work()

        self.path.ses.plan = plan
        self.path.fuse = Fuse(step, after, stall)
        self.path.work()

    @rule(seconds=st.sampled_from([1, 5, 61, 130]))
    def wait(self, seconds: int) -> None:
        self.path.clock.advance(seconds)

    @rule(queue=st.sampled_from([queues.WAIT, queues.TRIGGER]))
    @precondition(lambda self: self.requests)
    def a_message_comes_twice(self, queue: str) -> None:
        self.path.double(queue)

    @rule(how=st.sampled_from(["pause", "resume", "cancel"]), which=st.integers(0, 2))
    @precondition(lambda self: self.batches)
    def steer(self, how: str, which: int) -> None:
        self.path.steer(how, self.batches[which % len(self.batches)])

    @rule()
    def an_operator_audits(self) -> None:
        [verdict] = auditor_of(self.path).everything()
        assert verdict.breaks == []

    @invariant()
    def ses_took_nothing_twice(self) -> None:
        assert set(self.path.ses.taken.values()) <= {1}

    @invariant()
    def counts_add_up(self) -> None:
        for batch_id in self.batches:
            view = self.path.view.get(batch_id)
            counts = view.counts
            parts = (counts.waiting, counts.sending, counts.sent, counts.failed, counts.suppressed)
            assert sum(parts) + counts.cancelled + counts.in_doubt == view.total
            assert min(parts) >= 0

    def teardown(self) -> None:
        try:
            self.path.settle_down()
            self._compare_with_ses()
            self.an_operator_audits()
        finally:
            self._stack.close()

    def _compare_with_ses(self) -> None:
        self.ses_took_nothing_twice()
        rows = {row.email_id: row.send_status for row in self.path.tables.emails.scan()}
        taken = set(self.path.ses.taken)
        assert taken <= rows.keys()
        for email_id, status in rows.items():
            assert status in {"sent", "failed", "suppressed", *MAYBE_TAKEN}, (email_id, status)
            if status not in MAYBE_TAKEN:
                assert (status == "sent") == (email_id in taken), (email_id, status)
        assert set(self.singles) <= rows.keys()
        for batch_id in self.batches:
            self._compare_counts(batch_id, rows)

    def _compare_counts(self, batch_id: str, rows: dict[str, Any]) -> None:
        of_batch = [
            status for email_id, status in rows.items() if (split_recipient_id(email_id) or ("",))[0] == batch_id
        ]
        view = self.path.view.get(batch_id)
        counts = view.counts
        assert (counts.waiting, counts.sending) == (0, 0), view
        for status in ("sent", "failed", "suppressed", "in_doubt"):
            assert getattr(counts, status) == of_batch.count(status), (status, view)
        assert counts.cancelled == view.total - len(of_batch)
        assert counts.cancelled == 0 or view.status == "cancelled"


TestDelivering = Delivering.TestCase
TestDelivering.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
