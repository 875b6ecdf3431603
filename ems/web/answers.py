"""What callers get, as pydantic models; the OpenAPI document is generated from them. Times are ISO 8601 in UTC."""

from dataclasses import asdict
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from ems.sending import resolve
from ems.sending.requests import BatchHindrance, BatchStatus
from ems.sending.resolve import Order, Word
from ems.store.status import Status

Next = Annotated[str | None, Field(description="Cursor of the next page; null at the end.")]


UNTIL = (
    "When the quota is expected to have room: what EMS sent first leaves the 24 hours then. null when EMS cannot tell."
)


CampaignState = Literal["active", "paused_by_operator", "paused_by_breaker"]


class Answer(BaseModel):
    """Base of answers; built from EMS's own values, which never stand in an error that is logged."""

    model_config = ConfigDict(from_attributes=True, frozen=True, hide_input_in_errors=True)


class EmailAccepted(Answer):
    """The mail is durable: it survives the loss of any process."""

    email_id: str = Field(examples=["ei6rhw7iievrdljjqnn6dsxrs"])
    status: Status = Field(examples=["queued"])


class Rejected(Answer):
    """A recipient that is not accepted, and why."""

    index: int = Field(description="Place in the request's recipients, from 0.", examples=[2])
    to: str = Field(examples=["nobody"])
    error: str = Field(examples=["an email address must have an @-sign."])


class BatchAccepted(Answer):
    """The accepted recipients are durable; the rejected ones get no mail."""

    batch_id: str = Field(examples=["buxq3fg6ge4denvkstydorl7p"])
    accepted: int = Field(examples=[2])
    rejected: list[Rejected]


class TimelineEntry(Answer):
    """One event of a mail's history."""

    type: str = Field(
        description="send, delivery, delivery_delay, open, click, bounce, complaint, not_spam, reject, "
        "rendering_failure, subscription, unsubscribe or unknown.",
        examples=["delivery"],
    )
    at: AwareDatetime = Field(description="When it happened, by SES's clock.")
    hard: bool | None = Field(default=None, description="Of a bounce: whether it is permanent.")
    recipient: str | None = Field(default=None, description="Whom it is about, if not the mail's main recipient.")
    message_id: str | None = Field(default=None, description="The SES message, if not the mail's own.")
    detail: dict[str, Any] = Field(default_factory=dict, description="What SES says about it.")


class Moment(Answer):
    """When events of one type came first and last, and how many."""

    first: AwareDatetime
    last: AwareDatetime
    count: int


class EmailDecision(Answer):
    """What was decided about a mail in doubt, one that was held or one that had failed."""

    decision: str = Field(description="resend, sent, failed, release, drop or retry.", examples=["resend"])
    by: str = Field(description="policy (EMS_IN_DOUBT_POLICY), the API key, or the command line.", examples=["policy"])
    at: AwareDatetime
    reason: str | None = Field(
        description="Why it was in doubt, was held or had failed.", examples=["ReadTimeoutError"]
    )


class Email(Answer):
    """One mail and its history."""

    email_id: str
    status: Status = Field(description="The furthest that the mail has come, by sending and by SES's events.")
    request_id: str | None = Field(description="X-Request-Id of the request that it was accepted with.")
    campaign_id: str | None
    batch_id: str | None
    recipient: str | None
    message_id: str | None = Field(description="SES message id, once SES has taken the mail.")
    other_message_ids: list[str] = Field(
        description="Further messages of this mail, when it was sent again and SES had taken it before after all."
    )
    reason: str | None = Field(description="Why it failed, is suppressed or in doubt.")
    may_pass: bool = Field(description="Of a failed mail: the reason lies outside the mail, so a retry may succeed.")
    repeats: str | None = Field(description="Of a possible duplicate: the mail of the same content that came before.")
    in_doubt_since: AwareDatetime | None = Field(description="Of a mail in doubt: when SES's answer was lost.")
    attempts: int = Field(description="SES calls made for it.")
    decisions: list[EmailDecision] = Field(description="About sending it, again or at all, oldest first.")
    created_at: AwareDatetime | None
    sent_at: AwareDatetime | None
    timeline: list[TimelineEntry] = Field(description="Events in the order of their arrival, the first hundred or so.")
    moments: dict[str, Moment] = Field(description="By event type: first and last time, and count.")
    erased_at: AwareDatetime | None = Field(description="When its recipient was erased, who is not named since.")


class EmailPage(Answer):
    """Some mails."""

    items: list[Email]
    next: Next


class Counts(Answer):
    """Recipients of a batch by where they are; they add up to the batch's total."""

    waiting: int
    sending: int
    sent: int
    failed: int
    suppressed: int
    cancelled: int
    in_doubt: int
    held: int = Field(description="Possible duplicates; GET /emails?campaign_id=…&status=held lists them.")


class Doubt(Answer):
    """A recipient of whom nobody knows whether SES took the mail."""

    email_id: str
    recipient: str | None
    reason: str | None = Field(description="How SES's answer was lost.", examples=["ReadTimeoutError"])
    since: AwareDatetime
    decides_at: AwareDatetime = Field(description="Until then an SES event may settle it by itself.")
    held: bool = Field(description="Nothing more happens by itself: POST /batches/{batch_id}/resolve decides.")


class Resolution(Answer):
    """What came of a decision about mails in doubt, or about mails that are held."""

    decision: Word
    dry_run: bool = Field(description="Nothing was changed; the counts say what would have been.")
    decided: int = Field(description="Mails that the decision was carried out for.")
    proven: int = Field(description="Mails that an SES event has proved to be sent; they count as sent.")
    waiting: int = Field(description="Mails whose window is not over: an event may still settle them.")
    impossible: int = Field(description="Mails that cannot be sent: batch cancelled, or payload not kept.")

    @classmethod
    def of(cls, order: Order, counts: resolve.Resolution) -> Self:
        """Answer with what came of *order*."""
        return cls(decision=order.word, dry_run=order.dry_run, **asdict(counts))


class RetryAnswer(Answer):
    """What came of a retry."""

    batch_id: str
    dry_run: bool = Field(description="Nothing was changed; the counts say what would have been.")
    retried: int = Field(description="Recipients that failed for a reason that may pass, and go out again.")
    impossible: int = Field(description="Recipients whose payload is not kept any more.")


class Batch(Answer):
    """A batch and how far it is."""

    batch_id: str
    campaign_id: str
    name: str | None
    status: BatchStatus
    total: int = Field(description="Accepted recipients.")
    counts: Counts
    rate: float = Field(description="Recipients a second so far.")
    eta_seconds: float | None = Field(description="Seconds to the end at the present rate; null when nothing moves.")
    created_at: AwareDatetime
    send_at: AwareDatetime | None
    waits_for: BatchHindrance | None = Field(
        description="Why it does not go on now; nothing is lost. By itself it goes on after quota (bulk's share of "
        "SES's 24 hours is used), account (SES says that it may not send) and canary (it is not known yet what became "
        "of its first recipients). For campaign (it is paused) POST /campaigns/{campaign_id}/resume has it go on, for "
        "breaker (all bulk mail is paused) POST /breaker/resume. null when nothing hinders it."
    )
    waits_because: str | None = Field(description="Why its campaign is paused.")
    waits_until: AwareDatetime | None = Field(description=UNTIL)
    doubts: list[Doubt] = Field(
        default=[],
        description="The first 20 recipients in doubt; GET /emails?campaign_id=…&status=in_doubt lists all.",
    )


class TemplateAnswer(Answer):
    """A campaign's template."""

    subject: str
    html: str | None
    text: str | None


class CampaignSummary(Answer):
    """A campaign without its template's source."""

    campaign_id: str
    name: str
    kind: Literal["transactional", "bulk"]
    sender: str
    reply_to: list[str]
    subject: str
    template_name: str = Field(description="Name of the template in SES.")
    template_version: int
    variables: list[str] = Field(
        description="Paths that every recipient's data, or the shared data, must hold; without unsubscribe_url, which "
        "EMS fills in in bulk campaigns."
    )
    state: CampaignState
    state_reason: str | None = Field(description="Why it is paused; of the breaker with the numbers.")
    resumed_at: AwareDatetime | None = Field(description="When it was resumed last.")
    duplicate_window_seconds: int = Field(description="Within it a second mail of the same content is held; 0: never.")
    created_at: AwareDatetime
    updated_at: AwareDatetime


class Campaign(CampaignSummary):
    """A campaign with its template."""

    template: TemplateAnswer


class CampaignPage(Answer):
    """Some campaigns."""

    items: list[CampaignSummary]
    next: Next


class Health(Answer):
    """This process is alive."""

    status: Literal["ok"] = "ok"


class Readiness(Answer):
    """Whether this process can do its work, service by service."""

    status: Literal["ready", "not_ready"]
    checks: dict[str, str] = Field(
        description='Per service "ok" or what is wrong.', examples=[{"sqs": "ok", "dynamodb": "ok", "ses": "ok"}]
    )
    notices: dict[str, str] = Field(
        default={},
        description="What keeps mail waiting although this process can work: breaker, when all bulk mail is paused.",
    )


class WebhookTaken(Answer):
    """The post is settled."""

    reason: str = Field(examples=["event taken"])


class FieldProblem(Answer):
    """What is wrong with one field."""

    field: str = Field(examples=["recipients"])
    message: str = Field(examples=["give at least one"])


class Problem(Answer):
    """An error (RFC 9457, application/problem+json)."""

    type: str = Field(description="Kind of the problem, to branch on.", examples=["urn:ems:problem:invalid-request"])
    title: str
    status: int
    detail: str = Field(description="What happened and what to do about it.")
    instance: str = Field(description="This occurrence: the request's id, as in X-Request-Id.")
    errors: list[FieldProblem] | None = Field(default=None, description="The fields that are wrong.")
    rejected: list[Rejected] | None = Field(default=None, description="Recipients and why none of them is accepted.")
