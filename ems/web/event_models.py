"""What callers send and get about events and webhook endpoints; the OpenAPI document is generated from it."""

from typing import Self

from pydantic import AwareDatetime, ConfigDict, Field

from ems.notify.endpoints import EndpointView, State
from ems.notify.messages import EventMessage
from ems.store.endpoints import Wishes
from ems.tracking.events import EventType
from ems.web.answers import Answer
from ems.web.bodies import MAX_PAGE, Body, CampaignId, Query

MAX_CAMPAIGNS = 100


class EventsQuery(Query):
    """Where to go on reading, and what is wanted."""

    after: str | None = Field(
        default=None,
        max_length=2000,
        description="The next of the answer before; now for the end; left out, the oldest event that is kept.",
    )
    limit: int = Field(default=100, ge=1, le=MAX_PAGE, description="Events that are read, at most.")
    type: EventType | None = Field(default=None, description="Only events of this type.")
    campaign_id: CampaignId | None = Field(default=None, description="Only events of this campaign.")

    def wishes(self) -> Wishes:
        """Return what is wanted in EMS's terms."""
        return Wishes(
            url="",
            event_types=() if self.type is None else (self.type.value,),
            campaign_ids=() if self.campaign_id is None else (self.campaign_id,),
        )


class EventPage(Answer):
    """Some events in the order in which they were applied."""

    items: list[EventMessage]
    next: str = Field(description="What to give as after: each event then comes once. Never null: keep it and ask on.")
    more: bool = Field(description="More have happened already: ask again at once.")


class PutWebhookEndpoint(Body):
    """An endpoint of the caller's that is told of events as they are applied."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"url": "https://backend.example.com/ems", "description": "the shop"}]}
    )

    url: str = Field(min_length=1, max_length=2000, description="https, and a host of the public internet.")
    description: str | None = Field(default=None, max_length=200, description="For people.")
    event_types: tuple[EventType, ...] = Field(default=(), max_length=50, description="Left out or empty: all types.")
    campaign_ids: tuple[CampaignId, ...] = Field(
        default=(), max_length=MAX_CAMPAIGNS, description="Left out or empty: all campaigns."
    )

    def wishes(self) -> Wishes:
        """Return the endpoint in EMS's terms."""
        return Wishes(self.url, self.description, tuple(one.value for one in self.event_types), self.campaign_ids)


class EnableQuery(Query):
    """Where to go on."""

    skip: bool = Field(default=False, description="Leave out what the endpoint has not been told until now.")


class WebhookEndpoint(Answer):
    """An endpoint, and how telling it goes."""

    endpoint_id: str = Field(examples=["we_5f0c3b9a1d2e4f60"])
    url: str
    description: str | None
    event_types: list[str] = Field(description="Empty: all.")
    campaign_ids: list[str] = Field(description="Empty: all.")
    state: State = Field(
        description="active; failing: the last attempt failed and is repeated; disabled: it is told nothing until POST "
        "/webhook-endpoints/{endpoint_id}/enable."
    )
    behind: int = Field(description="Events that it has not been told of, or passed over since it does not want them.")
    failures: int = Field(description="Attempts that failed one after the other, up to now.")
    failing_since: AwareDatetime | None
    last_error: str | None = Field(examples=["it answered 500"])
    next_attempt_at: AwareDatetime | None
    taken_at: AwareDatetime | None = Field(description="When it last took an event.")
    disabled_at: AwareDatetime | None
    disabled_reason: str | None
    created_at: AwareDatetime
    updated_at: AwareDatetime

    @classmethod
    def of(cls, view: EndpointView, **more: str) -> Self:
        """Answer with an endpoint."""
        wishes, progress = view.wishes, view.progress
        return cls.model_validate(
            {
                "endpoint_id": view.endpoint_id,
                "url": wishes.url,
                "description": wishes.description,
                "event_types": wishes.event_types,
                "campaign_ids": wishes.campaign_ids,
                "state": view.state,
                "behind": view.behind,
                "failures": progress.failures,
                "failing_since": progress.failing_since,
                "last_error": progress.last_error,
                "next_attempt_at": progress.next_at,
                "taken_at": progress.told_at,
                "disabled_at": progress.disabled_at,
                "disabled_reason": progress.disabled_reason,
                "created_at": view.created_at,
                "updated_at": view.updated_at,
                **more,
            }
        )


class WebhookEndpointSecret(WebhookEndpoint):
    """An endpoint with its secret, which is shown this once."""

    secret: str = Field(
        description="For a library of Standard Webhooks, which verifies what is posted.", examples=["whsec_MfKQ9r8G…"]
    )


class WebhookEndpointList(Answer):
    """All endpoints, the oldest first."""

    items: list[WebhookEndpoint]
