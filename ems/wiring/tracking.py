"""Taking in and applying what SES reports."""

import time

from ems import messages, queues
from ems.aws import clients
from ems.aws.certificates import CertificateStore
from ems.aws.sns import SnsApi, SnsVerifier
from ems.aws.sqs import OutgoingMessage
from ems.messages import TaskMessage
from ems.store.tracking import TrackingStore
from ems.tracking.apply import Tracker
from ems.tracking.intake import Intake
from ems.wiring.outside import Outside
from ems.wiring.parts import part


class Tracking(Outside):
    """The layer ``tracking``."""

    @part
    def tracker(self) -> Tracker:
        """Applies SES events."""
        return Tracker(
            store=TrackingStore(self.tables, retention_seconds=self.retention_seconds, clock=time.time),
            suppressions=self.suppressions,
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
        return Intake(verifier=verifier, confirm=SnsApi(clients.sns(self.settings)).confirm, publish=self._publish)

    def _publish(self, sns_message_id: str, message: str) -> None:
        """Put one SES event into ``email-events``.

        Raises:
            UnavailableError: SQS does not take it.
        """
        task = TaskMessage(messages.TRACK_EVENT, {"message": message}, label=sns_message_id)
        self.sqs.send(queues.EVENTS, [OutgoingMessage(task.body())])
