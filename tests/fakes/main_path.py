"""The main path put together on moto and fakes, with a fuse that kills or cuts off a process between any two steps."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from fakes.clock import Clock
from fakes.queues import MemorySqs
from fakes.release import FakeLine, FakeSenders, drainer_of
from fakes.sending import LINKS, Died, FakeCampaigns, FakeGovernor, FakeSuppressions, address
from fakes.tables import (
    batches_of,
    chunk_doubts_of,
    guard_of,
    ledger_of,
    parking_of,
    resolver_of,
    retries_of,
    single_doubts_of,
    singles_of,
)
from fakes.tasks import registered
from fakes.tracking import tracker_of

from ems import messages, queues
from ems.aws.ses import Mail, Template
from ems.aws.ses_answers import Accepted, NotNow, Outcome, Refused, Unknown
from ems.aws.sqs import OutgoingMessage
from ems.errors import ConflictError, UnavailableError
from ems.sending.accept import Acceptance, Limits
from ems.sending.batches import Batches
from ems.sending.dead_letters import DeadLetters
from ems.sending.deliver_chunk import ChunkDelivery, Timing
from ems.sending.deliver_email import EmailDelivery
from ems.sending.doubt_policy import DoubtPolicy
from ems.sending.gate import Gate
from ems.sending.ports import SuppressionFilter
from ems.sending.redaction import Redaction
from ems.sending.waiting import WaitingRoom
from ems.store.drain import DrainStore
from ems.store.erasures import Erasures
from ems.store.failed_runs import FailedRuns
from ems.store.suppressions import Suppressions
from ems.store.tables import Tables
from ems.tasks.base import EmsTask
from ems.tasks.deliver import DeliverChunk, DeliverEmail

SUPPRESSED = address(3)
LINE = FakeLine(effective_rate=4.0)

Answer = Literal["take", "refuse", "refuse for now", "lose answer", "lose mail", "throttle", "quota", "outage"]


@dataclass
class Fuse:
    """Burns one step at each call between the parts; at the end, ``after`` that call or before, ``happens`` is called.

    It may raise, or make time pass and let another process run.
    """

    steps: int = -1
    after: bool = False
    happens: Callable[[], object] = lambda: None

    def call(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        self.steps -= 1
        burnt = self.steps == 0
        if burnt and not self.after:
            self.happens()
        result = method(*args, **kwargs)
        if burnt and self.after:
            self.happens()
        return result


def dies() -> None:
    raise Died


def is_cut_off() -> None:
    raise UnavailableError("AWS", "down")


class Fused:
    """A part whose public methods burn the fuse."""

    def __init__(self, part: Any, path: "MainPath") -> None:
        self._part = part
        self._path = path

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._part, name)
        return lambda *args, **kwargs: self._path.fuse.call(method, *args, **kwargs)


@dataclass
class SesLog:
    """SES, answering as planned, with a log of its own: what it took, whatever it answered.

    ``made`` holds each mail that it took by its message id, with the id that our tag carries.
    """

    plan: list[Answer] = field(default_factory=list)
    made: dict[str, str] = field(default_factory=dict)

    @property
    def taken(self) -> Counter[str]:
        """How often it took each mail."""
        return Counter(self.made.values())

    def send(self, template: Template, mails: Sequence[Mail], *, not_after: float | None = None) -> list[Outcome]:
        del template, not_after
        return [self._answer(mail, self.plan.pop(0) if self.plan else "take") for mail in mails]

    def _answer(self, mail: Mail, answer: Answer) -> Outcome:
        before = self.taken[mail.email_id]
        message_id = f"ses-{mail.email_id}" + (f"-{before}" if before else "")
        if answer in {"take", "lose answer"}:
            self.made[message_id] = mail.email_id
        answers: dict[Answer, Outcome] = {
            "take": Accepted(message_id),
            "refuse": Refused("MessageRejected: no"),
            "refuse for now": Refused("TEMPLATE_NOT_FOUND: gone", may_pass=True),
            "lose answer": Unknown("ReadTimeoutError"),
            "lose mail": Unknown("ConnectionClosedError"),
            "throttle": NotNow("throttled", "slow"),
            "quota": NotNow("quota", "tomorrow"),
            "outage": NotNow("unavailable", "down"),
        }
        return answers[answer]


@dataclass
class _Services:
    sqs: Any
    email_delivery: EmailDelivery
    chunk_delivery: ChunkDelivery


class MainPath:
    """Accept, release, deliver, track and decide as one process would: every part behind the same fuse."""

    def __init__(
        self, tables: Tables, *, policy: DoubtPolicy | None = None, suppressions: SuppressionFilter | None = None
    ) -> None:
        self.tables = tables
        self.clock = Clock()
        self.fuse = Fuse()
        self.sqs = MemorySqs(self.clock)
        self.ses = SesLog()
        self.governor = FakeGovernor()
        self.campaigns = FakeCampaigns()
        self.suppressions = suppressions or FakeSuppressions({SUPPRESSED: "bounce"})
        self.batch_store = batches_of(tables, self.clock)
        self.view = Batches(self.batch_store, campaigns=self.campaigns, rate=lambda: LINE, clock=self.clock)
        self.parking = parking_of(tables, self.clock)
        sqs, batches = self.fused(self.sqs), self.fused(self.batch_store)
        parking = self.fused(self.parking)
        singles = self.fused(singles_of(tables, self.clock))
        self.acceptance = Acceptance(
            campaigns=self.campaigns,
            singles=singles,
            batches=batches,
            queue=sqs,
            chunk_size=lambda: 50,
            waiting=WaitingRoom(sqs, parking, clock=self.clock),
            links=LINKS,
            limits=Limits(recipients=50_000, ahead_seconds=86_400),
            clock=self.clock,
        )
        self.drainer = drainer_of(
            sqs=sqs,
            batches=batches,
            campaigns=self.campaigns,
            parking=parking,
            memory=self.fused(DrainStore(tables, clock=self.clock)),
            senders=FakeSenders(),
            rate=lambda: LINE,
            clock=self.clock,
            without_erased=Redaction(
                last_erased_at=Erasures(tables, retention_seconds=86_400, clock=self.clock).last_erased_at,
                erased=Suppressions(tables).erased,
            ).of,
        )
        common: dict[str, Any] = {
            "suppressions": self.suppressions,
            "guard": guard_of(tables, self.clock, through=self.fused),
            "governor": self.fused(self.governor),
            "mailer": self.fused(self.ses),
            "links": LINKS,
            "configuration_set": "ems",
            "clock": self.clock,
        }
        email_delivery = EmailDelivery(
            singles=singles,
            doubts=single_doubts_of(tables, self.clock, policy, through=self.fused),
            call_seconds=23,
            **common,
        )
        chunk_delivery = ChunkDelivery(
            ledger=self.fused(ledger_of(tables, self.clock)),
            gate=Gate(batches, parking, clock=self.clock),
            doubts=chunk_doubts_of(tables, self.clock, policy, through=self.fused),
            timing=Timing(slice_seconds=30, lease_seconds=100, call_seconds=23),
            **common,
        )
        services: Any = _Services(sqs, email_delivery, chunk_delivery)
        tasks: list[EmsTask] = [registered(DeliverEmail(services)), registered(DeliverChunk(services))]
        self._tasks = {task.name: task for task in tasks}

        self.resolver = resolver_of(tables, self.clock, sqs, through=self.fused)
        self.retries = retries_of(tables, self.clock, through=self.fused)
        self.tracker = tracker_of(tables, self.clock, through=self.fused)
        self.dead_letters = DeadLetters(
            sqs=sqs,
            failed_runs=FailedRuns(tables, clock=self.clock),
            parking=parking,
            emails=email_delivery,
            chunks=chunk_delivery,
            clock=self.clock,
        )

    def fused(self, part: Any) -> Any:
        """Put the fuse before a part."""
        return Fused(part, self)

    def survives(self, step: Callable[[], Any]) -> bool:
        """Run *step* as a process; False when it died or an outage came through. The fuse is out afterwards."""
        try:
            step()
        except (Died, UnavailableError):
            return False
        else:
            return True
        finally:
            self.fuse = Fuse()

    def work(self) -> bool:
        """Run one task as a worker with late acknowledgement does; False when there is none to run.

        The fuse burns for this task alone.
        """
        received = self.sqs.receive(queues.TRIGGER, limit=1)
        for message in received:
            task = self._tasks[messages.header_of(message.body, "task")]
            if self.survives(lambda task=task, body=message.body: task.run(**messages.arguments_of(body))):
                self.sqs.delete(queues.TRIGGER, received)
        self.fuse = Fuse()
        return bool(received)

    def bury(self) -> None:
        """Let the next message that senders would see be a dead letter."""
        received = self.sqs.receive(queues.TRIGGER, limit=1)
        self.sqs.send(queues.dead_letter(queues.TRIGGER), [OutgoingMessage(one.body, one.group) for one in received])
        self.sqs.delete(queues.TRIGGER, received)

    def double(self, queue: str) -> None:
        """Deliver the first message of *queue*, if there is one, once more."""
        waiting = self.sqs.queues.get(queue, [])
        self.sqs.send(queue, [waiting[0].message] if waiting else [])

    def steer(self, how: str, batch_id: str) -> None:
        """Pause, resume or cancel a batch, as far as it lets itself be."""
        try:
            getattr(self.view, how)(batch_id)
        except ConflictError as refused:
            assert "done" in str(refused) or "cancelled" in str(refused)  # noqa: PT017 - both are right answers

    def run(self, *, seconds: float) -> None:
        """Let a healthy system run for so long."""
        end = self.clock() + seconds
        while True:
            self.drainer.tick()
            while self.work():
                pass
            if self.clock() >= end:
                return
            self.clock.advance(min(10, end - self.clock()))

    def settle_down(self) -> None:
        """Let a healthy system come to rest: resume what is paused, drain and deliver until nothing is left."""
        self.ses.plan.clear()
        for _ in range(30):
            for row in self.tables.batches.scan(self.tables.batches.state == "paused"):
                self.view.resume(row.batch_id)
            self.drainer.tick()
            while self.work():
                pass
            idle = not self.sqs.bodies(queues.WAIT) and not self.sqs.bodies(queues.TRIGGER)
            if idle and not self.parking.waiting().lots:
                return
            self.clock.advance(61)
        raise AssertionError("the system does not come to rest")
