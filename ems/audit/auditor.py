"""The audit of a batch, a campaign, or everything."""

import time
from collections.abc import Callable

from ems.audit.counters import CounterAudit
from ems.audit.findings import Verdict
from ems.audit.queue_reads import QueueReads, Queues
from ems.audit.queues import QueueAudit
from ems.audit.run import AuditRun, Options, Scope
from ems.audit.standing import Standing
from ems.audit.suppressions import SuppressionAudit
from ems.errors import UnknownIdError
from ems.store.audit import AuditReads
from ems.store.audit_entries import BatchEntry
from ems.store.counters import ACCOUNT
from ems.store.counters import Scope as CounterScope
from ems.store.stats import StatsStore

PLAIN = Options()


class Auditor:
    """Audits from the records and the queues. Every method raises UnavailableError when either is out of reach.

    Args:
        reads: The records.
        counters: The statistics.
        sqs: The queues.
        retention_seconds: How long records live.
        clock: Epoch seconds.
        sleep: Waits between two looks.
    """

    def __init__(
        self,
        *,
        reads: AuditReads,
        counters: StatsStore,
        sqs: Queues,
        retention_seconds: float,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._reads = reads
        self._counters = counters
        self._queues = QueueAudit(QueueReads(sqs, clock=clock), Standing(reads, clock=clock), sleep=sleep)
        self._suppressions = SuppressionAudit(reads)
        self._retention = retention_seconds
        self._clock = clock
        self._sleep = sleep

    def batch(self, batch_id: str, options: Options = PLAIN) -> Verdict:
        """Audit one batch.

        Raises:
            UnknownIdError: No batch of this id was accepted.
        """
        entry = next((one for one in self._reads.ledger_of_batch(batch_id) if isinstance(one, BatchEntry)), None)
        if entry is None or not entry.accepted:
            raise UnknownIdError("batch", batch_id)
        counted = CounterScope("batch", batch_id)
        scope = Scope(
            f"batch {batch_id}",
            [self._reads.ledger_of_batch(batch_id)],
            lambda: self._reads.mails_of_campaign(entry.campaign_id, batch_id=batch_id),
            holds=lambda message: batch_id in message.batches,
            counted=(counted,),
            covers=lambda scope: scope == counted,
            expected=entry.total,
        )
        return self._verdict(scope, options)

    def campaign(self, campaign_id: str, options: Options = PLAIN) -> list[Verdict]:
        """Audit a campaign: all of its batches and single mails."""
        counted = CounterScope("campaign", campaign_id)
        scope = Scope(
            f"campaign {campaign_id}",
            [self._reads.kept_mails(), *map(self._reads.ledger_of_batch, self._reads.batch_ids(campaign_id))],
            lambda: self._reads.mails_of_campaign(campaign_id),
            holds=lambda message: campaign_id in message.campaigns,
            counted=(counted,),
            # A batch is of one campaign.
            covers=lambda scope: scope == counted or scope.kind == "batch",
        )
        return [self._verdict(scope, options)]

    def subject(self, identifier: str, options: Options = PLAIN) -> list[Verdict]:
        """Audit the batch of this id or, if there is none, the campaign.

        Raises:
            UnknownIdError: Neither is there, nor a mail of such a campaign: a typing error must not look sound.
        """
        try:
            return [self.batch(identifier, options)]
        except UnknownIdError:
            verdicts = self.campaign(identifier, options)
        if not any(verdict.accepted for verdict in verdicts) and not self._reads.is_campaign(identifier):
            raise UnknownIdError("batch or campaign", identifier)
        return verdicts

    def everything(self, options: Options = PLAIN) -> list[Verdict]:
        """Audit all that is on record, also what belongs to campaigns that were deleted."""
        scope = Scope(
            "everything",
            self._reads.all_ledgers(),
            self._reads.all_mails,
            holds=lambda _letter: True,
            counted=(ACCOUNT,),
            covers=lambda _scope: True,
            everything=True,
            expected=self._reads.roughly(),
        )
        return [self._verdict(scope, options)]

    def _verdict(self, scope: Scope, options: Options) -> Verdict:
        # Rows outlive the records that they refer to by days; those of the first half of their lives do not.
        recent = self._clock() - self._retention / 2
        counters = CounterAudit(self._counters, recent=recent, sleep=self._sleep)
        run = AuditRun(scope, self._reads, self._queues, self._suppressions, counters, recent=recent, options=options)
        return run.verdict()
