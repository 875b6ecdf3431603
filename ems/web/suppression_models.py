"""What callers send and get about suppressions; the OpenAPI document is generated from it."""

from pydantic import AwareDatetime, ConfigDict, Field

from ems.store.reasons import Reason, Scope
from ems.web.answers import Answer, Next
from ems.web.bodies import Body, PageQuery


class PutSuppression(Body):
    """Why an address gets no mail, and which."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "manual", "scope": "all"}]})

    reason: Reason = Field(default="manual", description="bounce and complaint are for lists from elsewhere.")
    scope: Scope | None = Field(
        default=None,
        description="all: no mail; bulk: none of campaigns of that kind. Left out: bulk for unsubscribe, else all.",
    )


class SuppressionsQuery(PageQuery):
    """A page of the list, or of a part of it."""

    reason: Reason | None = Field(default=None, description="Only entries of this reason.")
    scope: Scope | None = Field(default=None, description="Only entries of this scope.")


class SuppressionEntry(Answer):
    """An address that gets no mail."""

    address: str = Field(description="In lower case, the domain in punycode.", examples=["ada@example.com"])
    reason: Reason
    scope: Scope = Field(description="all: it gets no mail; bulk: none of bulk campaigns.")
    source: str | None = Field(description="Who says so: ses-event, an API key, the command line, or an import's word.")
    since: AwareDatetime
    email_id: str | None = Field(description="The mail whose event brought it about.")
    earlier_reason: Reason | None = Field(
        description="Why it would get no bulk mail without this entry for all mail: who unsubscribed, and bounced."
    )
    earlier_since: AwareDatetime | None


class SuppressionPage(Answer):
    """Some entries of the suppression list."""

    items: list[SuppressionEntry]
    next: Next
