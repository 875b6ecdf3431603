"""What ``/breaker`` answers, as pydantic models. Times are ISO 8601 in UTC."""

from typing import Self

from pydantic import AwareDatetime, Field

from ems.sending.breaker_view import BreakerView
from ems.store.breakers import BreakerState
from ems.store.campaigns import Campaign
from ems.web.answers import Answer


class CountedMails(Answer):
    """What the account's breaker counts by: all mail of EMS, of a day at least unless it began to count later."""

    since: AwareDatetime | None = Field(description="null before any bulk mail was released.")
    sent: int
    hard_bounced: int = Field(description="Less those that SES made up from its account-level suppression list.")
    complained: int

    @classmethod
    def of(cls, view: BreakerView) -> Self:
        """Answer with the numbers of *view*."""
        tally = view.tally
        return cls(
            since=view.counted_since,
            sent=tally.sent,
            hard_bounced=tally.hard_bounced,
            complained=tally.complained,
        )


class PausedCampaign(Answer):
    """A campaign that the breaker has paused; POST /campaigns/{campaign_id}/resume has it go on."""

    campaign_id: str
    reason: str | None = Field(
        examples=[
            "23 hard bounces of 100 mails sent: 23 %, and with 95 % confidence more than 15.8 %; the limit is 5 %"
        ]
    )
    since: AwareDatetime = Field(description="When it was changed last, which is when it was paused.")

    @classmethod
    def of(cls, campaign: Campaign) -> Self:
        """Answer with *campaign*."""
        return cls(campaign_id=campaign.campaign_id, reason=campaign.state_reason, since=campaign.updated_at)


class Breaker(Answer):
    """Whether bulk mail may go out, by bounces and complaints. Transactional mail is never held."""

    state: BreakerState = Field(description="paused_by_breaker: all bulk mail waits for POST /breaker/resume.")
    reason: str | None = Field(description="Why it is paused, with the numbers.")
    changed_at: AwareDatetime | None = Field(description="When it was paused or resumed last.")
    counted: CountedMails
    bounce_rate_limit: float = Field(description="EMS_BREAKER_BOUNCE_RATE.", examples=[0.05])
    complaint_rate_limit: float = Field(description="EMS_BREAKER_COMPLAINT_RATE.", examples=[0.001])
    campaigns: list[PausedCampaign] = Field(description="Campaigns that the breaker has paused.")
