"""Accepting, releasing, delivering and telling."""

import time
from functools import partial

from ems.metrics.releasing import WatchedDrainer
from ems.metrics.sending import WatchedGovernor, WatchedMailer
from ems.sending.accept import Acceptance, Limits
from ems.sending.batches import Batches
from ems.sending.campaigns import Campaigns
from ems.sending.dead_letters import DeadLetters
from ems.sending.deliver_chunk import ChunkDelivery, Timing
from ems.sending.deliver_email import EmailDelivery
from ems.sending.drawer import Drawer
from ems.sending.emails import Emails
from ems.sending.gate import Gate
from ems.sending.rate_report import RateReport
from ems.sending.redaction import Redaction
from ems.sending.release import Drainer
from ems.sending.retry import Retries
from ems.sending.ses_list import Lists, StepKeeper
from ems.sending.suppression_import import SuppressionImport
from ems.sending.suppression_sync import SuppressionSync
from ems.sending.suppressions import SuppressionList
from ems.sending.unsent import Unsent
from ems.sending.waiting import WaitingRoom
from ems.store.removals import removed
from ems.wiring.parts import part
from ems.wiring.protecting import Protecting


class Sending(Protecting):
    """The layer ``sending``."""

    @part
    def campaigns(self) -> Campaigns:
        """Campaigns and their templates."""
        return Campaigns(self.campaign_store, self.ses_templates, self.account_breaker)

    @part
    def batches(self) -> Batches:
        """Batches as callers see them."""
        return Batches(self.batch_store, campaigns=self.campaign_store, rate=self.bulk_rate)

    @part
    def emails(self) -> Emails:
        """Mails as callers see them."""
        return Emails(self.email_pages, pending_status=self.batches.pending_status)

    @part
    def suppression_list(self) -> SuppressionList:
        """Who gets no mail, as people see and change it."""
        return SuppressionList(self.suppressions, self.removals)

    @part
    def suppression_import(self) -> SuppressionImport:
        """Takes lists of addresses over from files."""
        return SuppressionImport(self.suppressions)

    @part
    def suppression_sync(self) -> SuppressionSync:
        """Takes over SES's own list."""
        out_of_step = self.out_of_step
        return SuppressionSync(
            self.ses_suppressions,
            self.suppression_import,
            removed=partial(removed, self.tables),
            lagging=(lambda _address: None) if out_of_step is None else out_of_step.add,
        )

    @part
    def step_keeper(self) -> StepKeeper:
        """Keeps SES's own list and ours in step."""
        lists = Lists(self.suppressions, partial(removed, self.tables), self.ses_suppressions)
        return StepKeeper(lists=lists, notes=self.out_of_step_notes, sync=self.suppression_sync)

    @part
    def acceptance(self) -> Acceptance:
        """Accepts requests."""
        return Acceptance(
            campaigns=self.campaigns,
            singles=self.singles,
            batches=self.batch_store,
            queue=self.sqs,
            chunk_size=self.governor.chunk_size,
            waiting=WaitingRoom(self.sqs, self.parking),
            links=self.unsubscribe_links,
            limits=Limits(
                recipients=self.settings.max_recipients,
                ahead_seconds=self.retention_seconds / 2,
                canary=self.settings.canary,
            ),
        )

    @part
    def drainer(self) -> WatchedDrainer:
        """Releases chunks."""
        redaction = Redaction(last_erased_at=self.erasures.last_erased_at, erased=self.suppressions.erased)
        drawer = Drawer(
            sqs=self.sqs,
            batches=self.batch_store,
            campaigns=self.campaign_store,
            parking=self.parking,
            without_erased=redaction.of,
            clock=time.time,
        )
        unsent = Unsent(
            self.batch_store,
            self.sender_reports,
            self.sqs,
            visibility_seconds=self.settings.visibility_timeout_seconds,
            clock=time.time,
        )
        drainer = Drainer(
            drawer=drawer,
            unsent=unsent,
            memory=self.drain_store,
            protection=self.protection,
            rate=self.bulk_rate,
            release_seconds=self.settings.release_seconds,
        )
        return WatchedDrainer(drainer, self.drain_metrics)

    @part
    def watched_mailer(self) -> WatchedMailer:
        """Sends, counts and tells."""
        return WatchedMailer(self.mailer, self.sending_metrics)

    @part
    def watched_governor(self) -> WatchedGovernor:
        """The cluster-wide rate, and what waiting for it takes."""
        return WatchedGovernor(self.governor, self.sending_metrics)

    @part
    def email_delivery(self) -> EmailDelivery:
        """Delivers single mails."""
        return EmailDelivery(
            singles=self.singles,
            suppressions=self.suppressions,
            guard=self.content_guard,
            governor=self.watched_governor,
            mailer=self.watched_mailer,
            doubts=self.single_doubts,
            links=self.unsubscribe_links,
            configuration_set=self.settings.configuration_set,
            watch=self.sending_metrics,
            call_seconds=self._call_seconds,
        )

    @part
    def chunk_delivery(self) -> ChunkDelivery:
        """Delivers chunks."""
        return ChunkDelivery(
            ledger=self.ledger,
            gate=Gate(self.batch_store, self.parking),
            suppressions=self.suppressions,
            guard=self.content_guard,
            governor=self.watched_governor,
            mailer=self.watched_mailer,
            doubts=self.chunk_doubts,
            links=self.unsubscribe_links,
            configuration_set=self.settings.configuration_set,
            watch=self.sending_metrics,
            timing=self._timing,
        )

    @part
    def dead_letters(self) -> DeadLetters:
        """Looks through the dead-letter queues."""
        return DeadLetters(
            sqs=self.sqs,
            failed_runs=self.failed_runs,
            parking=self.parking,
            emails=self.email_delivery,
            chunks=self.chunk_delivery,
        )

    @part
    def retries(self) -> Retries:
        """Sends again to those whose failure may pass."""
        return Retries(
            batches=self.batch_store,
            unresolved=self.unresolved,
            failures=self.again_store,
            kept=self.kept,
            again=self.again,
        )

    @part
    def rate_report(self) -> RateReport:
        """Answers GET /rate."""
        return RateReport(
            line=self.bulk_rate,
            minute=self.governor.minute,
            senders=self.sender_reports,
            sqs=self.sqs,
            drain=self.drain_store,
            chunk_size=self.policy.size_of_chunk,
        )

    @property
    def _timing(self) -> Timing:
        """A slice ends well before its message becomes visible again, and a call before the chunk's lease."""
        visibility = self.settings.visibility_timeout_seconds
        slice_seconds = min(self.settings.chunk_slice_seconds, visibility / 4)
        return Timing(
            slice_seconds=slice_seconds,
            lease_seconds=max(visibility, slice_seconds + self._call_seconds + 5),
            call_seconds=self._call_seconds,
        )

    @property
    def _call_seconds(self) -> float:
        return self.settings.ses_connect_timeout_seconds + self.settings.ses_read_timeout_seconds
