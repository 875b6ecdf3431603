"""``/breaker``: what protects the account's good name, and the operator's word to it."""

from ems.sending.breaker_view import BreakerView
from ems.web.breaker_answers import Breaker, CountedMails, PausedCampaign
from ems.web.operations import operation
from ems.web.services import BreakerDesk


class BreakerSwitch:
    """Shows the breaker and resumes what it has paused."""

    def __init__(self, breaker: BreakerDesk) -> None:
        self._breaker = breaker

    @operation("GET /breaker", scope="read", tag="monitoring", problems=(503,))
    def get_breaker(self) -> Breaker:
        """Read the account's breaker, its numbers and limits, and which campaigns the breaker has paused."""
        return _answer(self._breaker.get())

    @operation("POST /breaker/resume", scope="admin", tag="monitoring", problems=(503,))
    def resume_bulk(self, by: str) -> Breaker:
        """Let bulk mail go on after the account's breaker has paused it; what came before does not count any more.

        Campaigns that are paused stay so: POST /campaigns/{campaign_id}/resume.
        """
        return _answer(self._breaker.resume(by=by))


def _answer(view: BreakerView) -> Breaker:
    return Breaker(
        state=view.state,
        reason=view.reason,
        changed_at=view.changed_at,
        counted=CountedMails.of(view),
        bounce_rate_limit=view.limits.bounce_rate,
        complaint_rate_limit=view.limits.complaint_rate,
        campaigns=[PausedCampaign.of(one) for one in view.campaigns],
    )
