"""What becomes of a post to the webhook: verified, then queued; nothing is parsed or stored here.

The status code is an instruction to SNS: 2xx ends it, 5xx brings the post again (three times within a minute unless
the topic's delivery policy says otherwise), 4xx drops it for good. So 4xx is for what no repetition can mend.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ems.aws.sns import (
    NOTIFICATION,
    SUBSCRIPTION_CONFIRMATION,
    CannotDecideError,
    ConfirmationRefusedError,
    Envelope,
    ForgedError,
    MalformedError,
    RawDeliveryError,
    SnsVerifier,
    parse_envelope,
)
from ems.errors import UnavailableError
from ems.tracking.events import is_greeting
from ems.tracking.gather import PostedEvent

MAX_BODY_BYTES = 1024 * 1024
"""An SNS message has at most 256 KiB; quoted into the envelope's JSON it can triple."""

OK, BAD_REQUEST, FORBIDDEN, TOO_LARGE, UNAVAILABLE = 200, 400, 403, 413, 503


@dataclass(frozen=True, slots=True)
class IntakeResult:
    """The answer to a post. ``reason`` is for the log and the response body; it holds no address."""

    status_code: int
    reason: str
    sns_message_id: str | None = None


class Intake:
    """The webhook without its framework.

    Args:
        verifier: Tells genuine posts from others.
        confirm: Confirms a subscription, given topic ARN and token; :meth:`ems.aws.sns.SnsApi.confirm`.
        publish: Enqueues an event, such as :meth:`ems.tracking.gather.Gatherer.publish`; raises UnavailableError.
    """

    def __init__(
        self,
        *,
        verifier: SnsVerifier,
        confirm: Callable[[str, str], None],
        publish: Callable[[PostedEvent], None],
    ) -> None:
        self._verifier = verifier
        self._confirm = confirm
        self._publish = publish

    def receive(self, body: bytes, headers: Mapping[str, str]) -> IntakeResult:
        """Answer one post. The headers are unsigned: they only help to explain a refusal.

        The age of a post does not matter (:class:`ems.aws.sns.SnsVerifier` tells why), nor does its repetition.
        """
        if len(body) > MAX_BODY_BYTES:
            return IntakeResult(TOO_LARGE, f"the body is larger than {MAX_BODY_BYTES} bytes")
        if any(name.lower() == "x-amz-sns-rawdelivery" and value.lower() == "true" for name, value in headers.items()):
            return IntakeResult(FORBIDDEN, "raw delivery is unsigned; turn RawMessageDelivery off on the subscription")
        try:
            envelope = parse_envelope(body)
        except MalformedError as error:
            return IntakeResult(BAD_REQUEST, str(error))
        except RawDeliveryError as error:
            return IntakeResult(FORBIDDEN, str(error))
        status, reason = self._judge(envelope)
        return IntakeResult(status, reason, envelope.message_id)

    def _judge(self, envelope: Envelope) -> tuple[int, str]:
        try:
            if not envelope.known:
                # A type that SNS may add one day: nothing is known about its signature and nothing is done with it.
                self._verifier.check_topic(envelope)
                return OK, "ignored: unknown type"
            self._verifier.verify(envelope)
        except ForgedError as error:
            return FORBIDDEN, str(error)
        except CannotDecideError as error:
            return UNAVAILABLE, str(error)
        return self._act(envelope)

    def _act(self, envelope: Envelope) -> tuple[int, str]:
        try:
            if envelope.type == SUBSCRIPTION_CONFIRMATION:
                self._confirm(envelope.topic_arn, envelope.token or "")
                return OK, "subscription confirmed"
            if envelope.type != NOTIFICATION:
                return OK, "ignored: somebody unsubscribed this endpoint; subscribe it again if that was a mistake"
            if is_greeting(envelope.message):
                return OK, "ignored: set-up greeting"
            self._publish(PostedEvent(envelope.message_id, envelope.message))
        except ConfirmationRefusedError as error:
            return OK, f"ignored: {error}"
        except UnavailableError as error:
            return UNAVAILABLE, str(error)
        return OK, "queued"


def unwrap(body: str) -> str | None:
    """Return the SES message in an SQS message of an SNS subscription, enveloped or raw; None if it holds none.

    Signatures are not checked here: the queue's policy lets nobody but the topic send to it.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    if document.get("Type") == NOTIFICATION:
        message = document.get("Message")
        return message if isinstance(message, str) and not is_greeting(message) else None
    is_event = "eventType" in document or "notificationType" in document
    return body if is_event and not is_greeting(document) else None
