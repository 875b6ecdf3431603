"""What callers send, as pydantic models: they validate, and the OpenAPI document is generated from them."""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from ems.sending.campaigns import CampaignDraft, Kind
from ems.sending.requests import BulkRequest, SingleRequest
from ems.sending.resolve import Word
from ems.sending.templates import TemplateParts
from ems.store.status import Status

MAX_DUPLICATE_WINDOW_SECONDS = 7 * 86_400
"""The longest window of the content guard: a caller that repeats itself does so within hours."""

MAX_PAGE = 200
DEFAULT_PAGE = 50

CampaignId = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9_-]{1,64}$",
        description="Id of a campaign: 1 to 64 of the characters A-Z a-z 0-9 _ -",
        examples=["welcome"],
    ),
]
Address = Annotated[
    str,
    Field(
        max_length=320,
        description="One bare address. ASCII before the @; an internationalised domain is turned into punycode.",
        examples=["success@simulator.amazonses.com"],
    ),
]
Addresses = Annotated[tuple[Address, ...], Field(max_length=50)]
Data = Annotated[
    dict[str, Any],
    Field(description="Values for the template's variables, any JSON.", examples=[{"name": "Ada", "order": {"id": 7}}]),
]


class Body(BaseModel):
    """Base of request bodies: unknown fields and wrong types are refused, never guessed at."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def _example(**fields: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [fields]})


_CAMPAIGN = {
    "name": "Welcome mail",
    "kind": "transactional",
    "sender": "Example Shop <shop@example.com>",
    "template": {"subject": "Hello {{name}}", "html": "<p>Hello {{name}}</p>", "text": "Hello {{name}}"},
}


class SendEmail(Body):
    """One mail to one person, with copies if wanted. To, Cc and Bcc together are 50 addresses at most (SES)."""

    model_config = _example(campaign_id="welcome", to="success@simulator.amazonses.com", data={"name": "Ada"})

    campaign_id: CampaignId
    to: Address
    cc: Addresses = ()
    bcc: Addresses = ()
    reply_to: Addresses = Field(default=(), description="Overrides the campaign's reply_to.")
    data: Data = Field(default_factory=dict)
    tags: dict[str, str] = Field(
        default_factory=dict,
        description="SES message tags: names and values of 1 to 256 of the characters A-Z a-z 0-9 _ -",
        examples=[{"team": "billing"}],
    )

    def request(self) -> SingleRequest:
        """Return the request in EMS's terms."""
        return SingleRequest(
            campaign_id=self.campaign_id,
            to=self.to,
            cc=self.cc,
            bcc=self.bcc,
            reply_to=self.reply_to,
            data=self.data,
            tags=self.tags,
        )


class Recipient(Body):
    """One entry of a bulk request."""

    to: Address
    data: Data = Field(default_factory=dict, description="Overrides the request's data by top-level name.")


class _CheckedOneByOne:
    """Any JSON when validating, since each entry is checked on its own later; a Recipient in the document."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.any_schema()

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(Recipient.__pydantic_core_schema__)


class SendBulkEmail(Body):
    """Mails of one campaign to many people, accepted in one call."""

    model_config = _example(
        campaign_id="welcome",
        name="spring",
        data={"shop": "Example Shop"},
        recipients=[
            {"to": "success+1@simulator.amazonses.com", "data": {"name": "Ada"}},
            {"to": "success+2@simulator.amazonses.com", "data": {"name": "Grace"}},
        ],
    )

    campaign_id: CampaignId
    recipients: list[Annotated[Any, _CheckedOneByOne]] = Field(
        min_length=1,
        description="Each entry is accepted or rejected on its own. 50,000 at most, or the operator's limit.",
    )
    data: Data = Field(default_factory=dict, description="Values that all recipients share.")
    name: str | None = Field(
        default=None, min_length=1, max_length=200, description="For people, to tell batches apart."
    )
    send_at: AwareDatetime | None = Field(
        default=None,
        strict=False,
        description="When to start, ISO 8601 with an offset (or epoch seconds). Now if left out or past.",
        examples=["2030-01-31T09:00:00+01:00"],
    )

    def request(self) -> BulkRequest:
        """Return the request in EMS's terms."""
        return BulkRequest(
            campaign_id=self.campaign_id,
            recipients=self.recipients,
            data=self.data,
            name=self.name,
            send_at=None if self.send_at is None else self.send_at.timestamp(),
        )


class Template(Body):
    """A Handlebars template as SES renders it. At least one of html and text."""

    subject: str = Field(min_length=1, max_length=2000, examples=["Hello {{name}}"])
    html: str | None = Field(default=None, examples=["<p>Hello {{name}}</p>"])
    text: str | None = Field(default=None, examples=["Hello {{name}}"])


class CampaignBody(Body):
    """A campaign: one template and who sends it."""

    name: str = Field(min_length=1, max_length=200, examples=["Welcome mail"])
    kind: Kind = Field(description="transactional mails overtake bulk mails.", examples=["transactional"])
    sender: str = Field(
        max_length=1000,
        description="address, or: Display Name <address>. SES must have verified the address or its domain.",
        examples=["Example Shop <shop@example.com>"],
    )
    reply_to: Addresses = ()
    template: Template
    duplicate_window_seconds: int = Field(
        default=0,
        ge=0,
        le=MAX_DUPLICATE_WINDOW_SECONDS,
        description="Hold a mail as a possible duplicate when another one to the same recipient with the same data was "
        "accepted less than this long before or after it. 0: hold none. With an Idempotency-Key nothing is held.",
        examples=[600],
    )

    def draft(self) -> CampaignDraft:
        """Return the campaign in EMS's terms."""
        return CampaignDraft(
            name=self.name,
            kind=self.kind,
            sender=self.sender,
            reply_to=self.reply_to,
            template=TemplateParts(self.template.subject, self.template.html, self.template.text),
            duplicate_window_seconds=self.duplicate_window_seconds,
        )


class CreateCampaign(CampaignBody):
    """A new campaign."""

    model_config = _example(campaign_id="welcome", **_CAMPAIGN)

    campaign_id: CampaignId | None = Field(default=None, description="Made up by the server if left out.")


class UpdateCampaign(CampaignBody):
    """The whole campaign anew. A changed template becomes a new version; mails in flight keep theirs."""

    model_config = _example(**_CAMPAIGN)

    state: Literal["active", "paused_by_operator"] | None = Field(
        default=None, description="Pause the campaign or make it active again; left out, its state stays."
    )
    state_reason: str | None = Field(default=None, max_length=500, description="Why it is paused, for people.")


class PauseCampaign(Body):
    """Why a campaign is paused."""

    model_config = _example(reason="the discount code is wrong")

    reason: str | None = Field(default=None, max_length=500, description="For people; GET /campaigns shows it.")


class Query(BaseModel):
    """Base of query strings: unknown parameters are refused, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Resolve(Body):
    """What is to become of mails in doubt whose window is over, held as possible duplicates, or waiting in vain."""

    model_config = _example(decision="resend")

    decision: Word = Field(
        description="About mails in doubt: sent takes them as sent, failed gives them up, resend sends them again, "
        "though SES may have taken them before. About mails that are held: release sends them, drop fails them. "
        "About one mail that no queue holds a message of: abandon fails it."
    )


class DryRunQuery(Query):
    """Whether to count only."""

    dry_run: bool = Field(default=False, description="Say how many it would be, and change nothing.")


class PageQuery(Query):
    """Where a page starts and how long it is."""

    cursor: str | None = Field(default=None, max_length=2000, description="The next of the page before.")
    limit: int = Field(default=DEFAULT_PAGE, ge=1, le=MAX_PAGE, description="Items of a page, at most.")


class EmailsQuery(PageQuery):
    """Exactly one of message_id, recipient and campaign_id; status only with campaign_id."""

    message_id: str | None = Field(default=None, min_length=1, max_length=200, description="SES message id.")
    recipient: str | None = Field(default=None, min_length=1, max_length=320, description="Address of the recipient.")
    campaign_id: CampaignId | None = None
    status: Status | None = Field(default=None, description="Only mails of this status; needs campaign_id.")


class ExportQuery(Query):
    """Which mails an export holds."""

    status: Status | None = Field(default=None, description="Only mails of this status.")
