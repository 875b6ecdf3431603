"""Taking in and applying what SES reports."""

import time
from collections.abc import Sequence

from ems import queues
from ems.aws import clients
from ems.aws.certificates import CertificateStore
from ems.aws.sns import SnsApi, SnsVerifier
from ems.aws.sqs import OutgoingMessage
from ems.store.tracking import TrackingStore
from ems.tracking.apply import Tracker
from ems.tracking.gather import Gatherer, PostedEvent, track_message
from ems.tracking.intake import Intake
from ems.tracking.unsubscribing import Unsubscribing
from ems.wiring.outside import Outside
from ems.wiring.parts import part


class Tracking(Outside):
    """The layer ``tracking``."""

    @part
    def tracking_store(self) -> TrackingStore:
        """Rows of mails, as events change them."""
        return TrackingStore(self.tables, retention_seconds=self.retention_seconds, clock=time.time, feed=self.feed)

    @part
    def tracker(self) -> Tracker:
        """Applies SES events."""
        return Tracker(store=self.tracking_store, suppressions=self.suppressions, watch=self.tracking_metrics)

    @part
    def unsubscribing(self) -> Unsubscribing:
        """Keeps the word of whoever holds a bulk mail's link."""
        return Unsubscribing(
            suppressions=self.suppressions,
            removals=self.removals,
            store=self.tracking_store,
            tracker=self.tracker,
        )

    @part
    def intake(self) -> Intake:
        """Takes SNS posts."""
        verifier = SnsVerifier(
            topic_arns=self.settings.sns_topic_arns,
            certificates=CertificateStore(),
            extra_cert_url=self.settings.sns_cert_url,
            min_signature_version=self.settings.sns_min_signature_version,
        )
        confirm = SnsApi(clients.sns(self.settings)).confirm
        return Intake(verifier=verifier, confirm=confirm, publish=Gatherer(self._enqueue).publish)

    def _enqueue(self, events: Sequence[PostedEvent]) -> None:
        first, *others = events
        label = first.sns_message_id + (f" and {len(others)} more" if others else "")
        task = track_message([event.message for event in events], label=label)
        self.sqs.send(queues.EVENTS, [OutgoingMessage(task.body())])
