"""Doubts as a state machine: nobody gets two mails unless the policy or an operator chose to send again.

Evidence comes before, at and after every decision; windows end; policies and operators decide; failures are retried;
dead letters are tried again and given up; processes die between any two steps, messages come twice. In the end the
records must agree with SES's own log and with a recount.
"""

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from fakes.audit import auditor_of
from fakes.main_path import Answer, Fuse, MainPath, dies
from fakes.sending import CAMPAIGN, entry
from fakes.strategies import fuses, plans, steps
from fakes.tables import moto_tables
from fakes.tracking import sent_event
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ems import queues
from ems.audit.findings import Kind
from ems.errors import ConflictError
from ems.sending.doubt_policy import DoubtPolicy, PolicyName
from ems.sending.requests import BulkRequest, Caller, SingleRequest
from ems.sending.resolve import Order, Resolution, Word
from ems.store.chunk_counts import counts_of
from ems.store.models import TrackerRow

KINDS = ["bulk", "transactional"]
POLICIES: list[PolicyName] = ["by_kind", "hold", "resend"]
WORDS: list[Word] = ["sent", "failed", "resend", "resend"]
ANSWERS: list[Answer] = ["take", "lose answer", "lose answer", "lose mail", "refuse for now", "refuse", "quota"]

WINDOW_SECONDS = 120.0

numbers = st.integers(0, 9)


class Doubting(RuleBasedStateMachine):
    """Each rule is a step of some process, of an operator, or of the world."""

    def __init__(self) -> None:
        super().__init__()
        self._stack = ExitStack()
        self.tables = self._stack.enter_context(moto_tables())
        self.batches: list[str] = []
        self.singles: list[str] = []
        self.requests = 0

    @initialize(policy=st.sampled_from(POLICIES))
    def begin(self, policy: PolicyName) -> None:
        self.path = MainPath(self.tables, policy=DoubtPolicy(WINDOW_SECONDS, policy))
        self.path.campaigns.campaigns = {kind: replace(CAMPAIGN, campaign_id=kind, kind=kind) for kind in KINDS}

    @rule(size=st.integers(1, 5), kind=st.sampled_from(KINDS))
    @precondition(lambda self: self.requests < 3)
    def accept_a_batch(self, size: int, kind: str) -> None:
        self.requests += 1
        request = BulkRequest(kind, [entry(place) for place in range(size)])
        self.batches.append(self.path.acceptance.bulk(request, Caller("k", str(self.requests))).batch_id)
        self.path.drainer.tick()

    @rule(kind=st.sampled_from(KINDS))
    @precondition(lambda self: self.requests < 3)
    def accept_a_mail(self, kind: str) -> None:
        self.requests += 1
        request = SingleRequest(kind, entry(0)["to"], data={"name": "A"})
        self.singles.append(self.path.acceptance.single(request, Caller("k", str(self.requests))).email_id)

    @rule(plan=plans(ANSWERS), number=st.integers(1, 3))
    @precondition(lambda self: self.requests)
    def senders_work(self, plan: list[Answer], number: int) -> None:
        self.path.ses.plan = plan
        self.path.drainer.tick()
        for _ in range(number):
            self.path.work()

    @rule(plan=plans(ANSWERS), fuse=fuses)
    @precondition(lambda self: self.path.sqs.bodies(queues.TRIGGER))
    def a_sender_dies(self, plan: list[Answer], fuse: Fuse) -> None:
        self.path.ses.plan = plan
        self.path.fuse = fuse
        self.path.work()

    @rule(plan=plans(ANSWERS), step=steps, place=numbers)
    @precondition(lambda self: self.path.sqs.bodies(queues.TRIGGER) and self.path.ses.made)
    def evidence_comes_while_a_sender_works(self, plan: list[Answer], step: int, place: int) -> None:
        self.path.ses.plan = plan
        self.path.fuse = Fuse(step, happens=lambda: self._tell(place))
        self.path.work()

    @rule(fuse=fuses)
    @precondition(lambda self: self.path.parking.waiting().lots)
    def a_drainer_dies(self, fuse: Fuse) -> None:
        self.path.fuse = fuse
        self.path.survives(self.path.drainer.tick)

    @rule(seconds=st.sampled_from([5, 101, WINDOW_SECONDS]))
    @precondition(lambda self: self.requests)
    def wait(self, seconds: float) -> None:
        self.path.clock.advance(seconds)

    @rule(place=numbers, fuse=st.none() | fuses)
    @precondition(lambda self: self.path.ses.made)
    def evidence_comes(self, place: int, fuse: Fuse | None) -> None:
        self.path.fuse = fuse or Fuse()
        self.path.survives(lambda: self._tell(place))

    @rule(word=st.sampled_from(WORDS), place=numbers, step=steps, how=st.sampled_from(["well", "dies", "evidence"]))
    @precondition(lambda self: self.path.ses.made)
    def an_operator_decides(self, word: Word, place: int, step: int, how: str) -> None:
        """About one mail, a batch, or all; on the way the process may die, or evidence come."""
        decide = self._about(place)
        before = self._books()
        decide(Order(word, "me", dry_run=True))
        assert self._books() == before, "a dry run has changed something"
        if how == "evidence":
            self.path.fuse = Fuse(step, happens=lambda: self._tell(place))
        elif how == "dies":
            self.path.fuse = Fuse(step, after=True, happens=dies)
        self.path.survives(lambda: decide(Order(word, "me")))

    @rule(which=st.integers(0, 2), fuse=st.none() | fuses)
    @precondition(lambda self: self.batches)
    def failures_are_retried(self, which: int, fuse: Fuse | None) -> None:
        self.path.fuse = fuse or Fuse()

        def retry() -> None:
            try:
                self.path.retries.batch(self.batches[which % len(self.batches)], by="me")
            except ConflictError as refused:
                assert "cancelled" in str(refused)  # noqa: PT017 - a right answer

        self.path.survives(retry)

    @rule(how=st.sampled_from(["redrive", "drop"]), fuse=st.none() | fuses)
    @precondition(lambda self: self.path.sqs.bodies(queues.TRIGGER))
    def a_message_is_a_dead_letter(self, how: str, fuse: Fuse | None) -> None:
        self.path.bury()
        self.path.fuse = fuse or Fuse()
        self.path.survives(lambda: getattr(self.path.dead_letters, how)(queues.TRIGGER))

    @rule()
    @precondition(lambda self: self.path.sqs.bodies(queues.TRIGGER))
    def a_message_comes_twice(self) -> None:
        self.path.double(queues.TRIGGER)

    @rule()
    @precondition(lambda self: self.requests)
    def an_operator_audits(self) -> None:
        """At any moment all is sound, but that there may be dead letters."""
        [verdict] = auditor_of(self.path).everything()
        assert {one.kind for one in verdict.breaks} <= {Kind.DEAD_LETTER, Kind.STALE_MESSAGE}, verdict.breaks

    @rule(how=st.sampled_from(["pause", "resume", "cancel"]), which=st.integers(0, 2))
    @precondition(lambda self: self.batches)
    def steer(self, how: str, which: int) -> None:
        self.path.steer(how, self.batches[which % len(self.batches)])

    @invariant()
    def nobody_gets_more_mails_than_were_chosen(self) -> None:
        if not self.requests:
            return
        for email_id, number in self.path.ses.taken.items():
            if number > 1:
                row = self.tables.emails.get(email_id)
                chosen = [one["by"] for one in row.decisions or () if one["decision"] == "resend"]
                assert number <= 1 + len(chosen), (email_id, number, chosen)

    def teardown(self) -> None:
        try:
            if self.requests:
                self._end()
        finally:
            self._stack.close()

    def _end(self) -> None:
        """Come to rest; then every event comes that has not, also those of what was decided long ago."""
        self._redrive_what_lies_dead()
        self.path.settle_down()
        self._everything_in_doubt_is_within_an_operators_reach()
        self._recount()
        for message_id, email_id in self.path.ses.made.items():
            self.path.tracker.apply(sent_event(email_id, message_id))
        self.path.settle_down()
        self._recount()
        self._compare_with_ses()
        [verdict] = auditor_of(self.path).everything()
        assert verdict.breaks == []

    def _redrive_what_lies_dead(self) -> None:
        self.path.clock.advance(WINDOW_SECONDS)  # whoever had letters in hand has died
        self.path.dead_letters.redrive(queues.TRIGGER)

    def _everything_in_doubt_is_within_an_operators_reach(self) -> None:
        order = Order("failed", "me", dry_run=True)
        held = sum(row.send_status == "in_doubt" for row in self._rows())
        assert self.path.resolver.everything(order) == Resolution(decided=held)

    def _recount(self) -> None:
        rows = self._rows()
        for batch_id in self.batches:
            view = self.path.view.get(batch_id)
            assert (view.counts.waiting, view.counts.sending) == (0, 0), view
            of_batch = [row for row in rows if row.batch_id == batch_id]
            assert len(of_batch) + view.counts.cancelled == view.total
        for chunk in self.tables.batches.scan(self.tables.batches.item.startswith("chunk#")):
            number = int(chunk.item.removeprefix("chunk#"))
            of_chunk = [row for row in rows if (row.batch_id, row.chunk) == (chunk.batch_id, number)]
            counted = {**Counter(row.send_status for row in of_chunk), "cancelled": int(chunk.cancelled or 0)}
            assert {name: n for name, n in counts_of(chunk).items() if n or name in counted} == counted
            assert (chunk.doubted or set()) == {row.email_id for row in of_chunk if row.send_status == "in_doubt"}
            assert (chunk.passing or set()) == {
                row.email_id for row in of_chunk if row.send_status == "failed" and row.may_pass
            }

    def _compare_with_ses(self) -> None:
        self.nobody_gets_more_mails_than_were_chosen()
        rows = {row.email_id: row for row in self._rows()}
        taken = self.path.ses.taken
        assert set(self.singles) | set(taken) <= rows.keys()
        for email_id, row in rows.items():
            assert row.send_status in {"sent", "failed", "suppressed", "in_doubt"}, (email_id, row.send_status)
            words = {one["decision"] for one in row.decisions or ()}
            if taken[email_id]:
                assert row.send_status == "sent", (email_id, row.send_status)
                assert row.moments["send"]["count"] == taken[email_id], (email_id, row.moments)
            elif row.send_status == "sent":
                assert "sent" in words, (email_id, words)

    def _about(self, place: int) -> Callable[[Order], Any]:
        """Have an operator look at one mail, at a batch, or at everything."""
        resolver = self.path.resolver
        if place < 3:
            return resolver.everything
        if place < 6 and self.batches:
            batch_id = self.batches[place % len(self.batches)]
            return lambda order: resolver.batch(batch_id, order)
        email_id = list(self.path.ses.made.values())[place % len(self.path.ses.made)]

        def decide(order: Order) -> None:
            try:
                resolver.email(email_id, order)
            except ConflictError as refused:
                assert "is not in doubt" in str(refused)  # noqa: PT017 - a right answer

        return decide

    def _tell(self, place: int) -> None:
        """Let SES's Send event of one of its messages come, for the first time or again."""
        message_id, email_id = list(self.path.ses.made.items())[place % len(self.path.ses.made)]
        self.path.tracker.apply(sent_event(email_id, message_id))

    def _books(self) -> list[Any]:
        tables = (self.tables.emails, self.tables.batches)
        return [[row.to_dynamodb_dict() for row in table.scan()] for table in tables] + [self.path.sqs.calls[-1:]]

    def _rows(self) -> list[TrackerRow]:
        return list(self.tables.emails.scan())


TestDoubting = Doubting.TestCase
TestDoubting.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)
