"""A sound world to break by hand: mails accepted, sent and told about, on moto and queues in memory."""

from collections.abc import Callable
from typing import Any

from fakes.main_path import MainPath
from fakes.sending import address, entry

from ems import messages, queues
from ems.audit.auditor import Auditor
from ems.audit.findings import Verdict
from ems.audit.run import Options
from ems.aws.sqs import OutgoingMessage
from ems.messages import TaskMessage
from ems.sending.doubt_policy import DoubtPolicy
from ems.sending.ids import recipient_id
from ems.sending.requests import BulkRequest, Caller, SingleRequest
from ems.store.audit import AuditReads
from ems.store.models import BatchRow, TrackerRow
from ems.store.suppressions import Suppressions
from ems.store.tables import Tables
from ems.store.tracking import TrackingStore
from ems.tracking.apply import Tracker
from ems.tracking.events import parse

RETENTION_SECONDS = 90 * 86_400.0


class Books:
    """The main path, a tracker for events, and an auditor over both."""

    def __init__(self, tables: Tables, *, policy: DoubtPolicy | None = None) -> None:
        self.tables = tables
        self.path = MainPath(tables, policy=policy)
        self.clock = self.path.clock
        self.tracker = Tracker(
            store=TrackingStore(tables, retention_seconds=RETENTION_SECONDS, clock=self.clock),
            suppressions=Suppressions(tables),
            clock=self.clock,
        )
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
        self.tracker.apply(*parse(told))

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

    def dead(self, queue: str, body: str) -> None:
        """Put a dead letter of *queue*."""
        self.path.sqs.send(queues.dead_letter(queue), [OutgoingMessage(body)])

    def dead_event(self, message: str) -> None:
        self.dead(queues.EVENTS, TaskMessage(messages.TRACK_EVENT, {"message": message}, label="x").body())

    def audit(self, *, look: bool = False) -> Verdict:
        """Audit everything."""
        [verdict] = self.auditor.everything(Options(queues=look))
        return verdict


def auditor_of(path: MainPath, *, sleep: Callable[[float], None] | None = None) -> Auditor:
    """Return an auditor whose waiting moves the clock, or does what *sleep* says."""
    return Auditor(
        reads=AuditReads(path.tables, clock=path.clock),
        sqs=path.sqs,
        retention_seconds=RETENTION_SECONDS,
        clock=path.clock,
        sleep=sleep or path.clock.sleep,
    )
