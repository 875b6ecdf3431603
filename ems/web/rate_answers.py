"""What ``GET /rate`` answers, as pydantic models; ``/metrics`` shows the same figures."""

from pydantic import AwareDatetime, Field

from ems.governor.status import Hindrance
from ems.web.answers import UNTIL, Answer


class LaneWaits(Answer):
    """How the calls to SES of one lane waited in the last minute, from asking until their slot."""

    calls: int = Field(description="Calls that were given a slot.")
    mean_seconds: float | None
    longest_seconds: float
    waiting: int = Field(description="Calls that wait for a slot now.")


class Sender(Answer):
    """A sender process that reported lately."""

    process: str = Field(description="Host and process id.", examples=["mail-1-4711"])
    clock_wrong: bool = Field(description="true while its clock keeps it from sending: synchronise that host's clock.")
    clock_offset_seconds: tuple[float, float] | None = Field(
        description="Least and most that its clock is ahead of AWS's; null when not measured yet."
    )
    refused: dict[str, int] = Field(description="Its leases of the last minute that were refused, by reason.")


class RateAnswer(Answer):
    """The account's rate and what is made of it. Rates are recipients a second, counts are recipients."""

    account_limit: float | None = Field(description="SES's MaxSendRate, or the operator's; null while unknown.")
    limit_source: str = Field(description="account or setting.", examples=["account"])
    effective_rate: float = Field(description="The rate that is kept: less headroom, less what throttles cost.")
    used_last_second: float
    used_last_minute: float
    used_24h: float | None = Field(description="null while the account was never read.")
    quota_24h: float | None = Field(description="SES's quota of 24 hours; null is unlimited or not known.")
    quota_left: float | None
    quota_left_for_bulk: float | None = Field(description="The same less the reserve for transactional mail.")
    bulk_waits_for: Hindrance | None = Field(
        description="What keeps all bulk mail waiting, if anything; of the breaker GET /breaker says why."
    )
    bulk_waits_until: AwareDatetime | None = Field(description=UNTIL)
    sending: bool = Field(description="false while SES says that the account may not send.")
    penalty: float = Field(description="Share of the limit that the last throttle still takes.")
    line_ahead_seconds: float = Field(description="How far the line is booked.")
    unused_seconds: dict[str, float] = Field(
        description="Of 60 seconds of the line at its full rate (they end a few seconds ago), those that sent nothing, "
        "by reason: no_work (no call waited for a slot), throttled (SES had throttled, the rate was lower), no_grant "
        "(calls waited and none was given a slot: DynamoDB was slow or out of reach), late (slots that were missed), "
        "quota, account or breaker (see bulk_waits_for). Empty while no limit is known.",
        examples=[{"no_work": 3.2, "no_grant": 0.1, "throttled": 0.0, "late": 0.0}],
    )
    lanes: dict[str, LaneWaits] = Field(description="transactional and bulk.")
    refused: dict[str, int] = Field(
        description="Leases of the last minute that were refused, by reason: store, clock, quota, account, deadline "
        "(its work goes on with a fresh message) or stopping (a process that ends).",
        examples=[{"quota": 4}],
    )
    lease_requests: int = Field(
        description="Requests to DynamoDB for slots in the last minute; one books for all calls that wait."
    )
    senders: list[Sender] = Field(description="Sender processes that reported in the last 15 seconds.")
    clock_offset_seconds: tuple[float, float] | None = Field(
        description="Least and most that this web process's clock is ahead of AWS's; null when not measured yet."
    )
    account_age_seconds: float | None = Field(description="Age of what SES said about the account.")
    account_error: str | None = Field(description="Why the last reading of the account failed.")
    backlog: int | None = Field(description="Accepted recipients that are not sent yet.")
    eta_seconds: float | None = Field(description="Seconds until the backlog is sent.")
