"""A sound world to break by hand: mails accepted, sent and told about, on moto and queues in memory."""

from collections.abc import Callable
from typing import Any

from fakes.main_path import MainPath
from fakes.sending import address, entry

from ems import queues
from ems.audit.auditor import Auditor
from ems.audit.findings import Verdict
from ems.audit.run import Options
from ems.aws.sqs import OutgoingMessage
from ems.sending.doubt_policy import DoubtPolicy
from ems.sending.ports import SuppressionFilter
from ems.sending.requests import BulkRequest, Caller, SingleRequest
from ems.store.audit import AuditReads
from ems.store.models import BatchRow, TrackerRow
from ems.store.recipient_ids import recipient_id
from ems.store.stats import StatsStore
from ems.store.tables import Tables
from ems.tracking.events import parse
from ems.tracking.gather import track_message

RETENTION_SECONDS = 90 * 86_400.0
WINDOW_SECONDS = 120


class Books:
    """The main path and an auditor over it."""

    def __init__(
        self, tables: Tables, *, policy: DoubtPolicy | None = None, suppressions: SuppressionFilter | None = None
    ) -> None:
        self.tables = tables
        self.path = MainPath(tables, policy=policy, suppressions=suppressions)
        self.clock = self.path.clock
        self.auditor = auditor_of(self.path)

    def batch(self, size: int) -> str:
        """Accept a batch."""
        request = BulkRequest("welcome", [entry(n) for n in range(size)])
        return self.path.acceptance.bulk(request, Caller("k")).batch_id

    def single(self, number: int = 1) -> str:
        """Accept a single mail."""
        request = SingleRequest("welcome", address(number), data={"name": "A"})
        return self.path.acceptance.single(request, Caller("k")).email_id

    def sent_batch(self, size: int = 60) -> str:
        """Accept a batch and send it."""
        batch_id = self.batch(size)
        self.path.settle_down()
        return batch_id

    def held_batch(self) -> str:
        """Hold two recipients of a batch of five in doubt; one has failed for a reason that may pass."""
        batch_id = self.batch(5)
        self.path.ses.plan = ["lose mail", "lose answer", "refuse for now"]
        self.path.run(seconds=WINDOW_SECONDS + 1)
        return batch_id

    def held_single(self) -> str:
        """Hold a single mail in doubt."""
        email_id = self.single()
        self.path.ses.plan = ["lose mail"]
        self.path.run(seconds=WINDOW_SECONDS + 1)
        return email_id

    def sent_again(self) -> str:
        """Lose two of three mails on the way to SES, and let the policy send them again in a new chunk."""
        batch_id = self.batch(3)
        self.path.ses.plan = ["lose mail"] * 2
        self.path.drainer.tick()
        self.path.work()
        self.path.settle_down()
        return batch_id

    def mail(self, batch_id: str, index: int) -> TrackerRow:
        return self.row(recipient_id(batch_id, index))

    def row(self, email_id: str) -> TrackerRow:
        return self.tables.emails.get(email_id)

    def chunk(self, batch_id: str, number: int = 0) -> BatchRow:
        return self.tables.batches.get(batch_id, f"chunk#{number:06d}")

    def tell(self, email_id: str, kind: str, **body: Any) -> None:
        """Let SES tell of a mail."""
        self.apply(self.told(email_id, kind, **body))

    def apply(self, told: dict[str, Any]) -> None:
        self.path.tracker.apply(*parse(told))

    def told(self, email_id: str, kind: str, *, message_id: str | None = None, **body: Any) -> dict[str, Any]:
        """Return what SES says, as JSON."""
        row = next(iter(self.tables.emails.batch_get([email_id])), None)
        to = "nobody@example.com" if row is None else row.recipient
        mail = {
            "messageId": message_id or f"ses-{email_id}",
            "timestamp": "2027-01-15T08:00:00.000Z",
            "destination": [to],
            "tags": {"ems_email_id": [email_id], "ems_campaign_id": ["welcome"]},
        }
        return {"eventType": kind, "mail": mail, kind.lower(): {"timestamp": "2027-01-15T08:00:01.000Z", **body}}

    def bury(self, queue: str) -> int:
        """Make dead letters of all messages of *queue*, as SQS does after five receives; return their number."""
        buried = [one.message for one in self.path.sqs.queues.pop(queue, [])]
        self.path.sqs.send(queues.dead_letter(queue), buried)
        return len(buried)

    def dead(self, queue: str, body: str) -> None:
        """Put a dead letter of *queue*."""
        self.path.sqs.send(queues.dead_letter(queue), [OutgoingMessage(body)])

    def dead_event(self, *texts: str) -> None:
        """Put a dead letter with a group of SES events."""
        self.dead(queues.EVENTS, track_message(texts, label="x").body())

    def audit(self, *, look: bool = False) -> Verdict:
        """Audit everything."""
        [verdict] = self.auditor.everything(Options(queues=look))
        return verdict


def auditor_of(path: MainPath, *, sleep: Callable[[float], None] | None = None) -> Auditor:
    """Return an auditor whose waiting moves the clock, or does what *sleep* says."""
    return Auditor(
        reads=AuditReads(path.tables, clock=path.clock),
        counters=StatsStore(path.tables),
        sqs=path.sqs,
        retention_seconds=RETENTION_SECONDS,
        clock=path.clock,
        sleep=sleep or path.clock.sleep,
    )
