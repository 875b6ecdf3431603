"""``/campaigns``: templates and who sends them."""

from ems.store.campaigns import Campaign as StoredCampaign
from ems.web.answers import Campaign, CampaignPage, CampaignSummary, TemplateAnswer
from ems.web.bodies import CreateCampaign, PageQuery, PauseCampaign, UpdateCampaign
from ems.web.operations import operation
from ems.web.services import Campaigns as CampaignService


class Campaigns:
    """Keeps campaigns."""

    def __init__(self, campaigns: CampaignService) -> None:
        self._campaigns = campaigns

    @operation("POST /campaigns", scope="admin", tag="campaigns", success=201, problems=(400, 409, 413, 415, 422, 503))
    def create_campaign(self, body: CreateCampaign) -> Campaign:
        """Create a campaign and its template in SES."""
        return self._full(self._campaigns.create(body.draft(), campaign_id=body.campaign_id))

    @operation("GET /campaigns", scope="read", tag="campaigns", problems=(422, 503))
    def list_campaigns(self, query: PageQuery) -> CampaignPage:
        """List campaigns, without their templates' source."""
        page = self._campaigns.page(limit=query.limit, cursor=query.cursor)
        return CampaignPage(items=[CampaignSummary.model_validate(one) for one in page.items], next=page.next)

    @operation("GET /campaigns/{campaign_id}", scope="read", tag="campaigns", problems=(404, 503))
    def get_campaign(self, campaign_id: str) -> Campaign:
        """Read a campaign with its template."""
        return self._full(self._campaigns.get(campaign_id))

    @operation(
        "PUT /campaigns/{campaign_id}", scope="admin", tag="campaigns", problems=(400, 404, 409, 413, 415, 422, 503)
    )
    def update_campaign(self, campaign_id: str, body: UpdateCampaign) -> Campaign:
        """Replace a campaign. A changed template becomes a new version in SES; mails in flight keep theirs."""
        return self._full(self._campaigns.update(campaign_id, body.draft(), state=body.state, reason=body.state_reason))

    @operation(
        "POST /campaigns/{campaign_id}/pause", scope="admin", tag="campaigns", problems=(400, 404, 409, 415, 422, 503)
    )
    def pause_campaign(self, campaign_id: str, body: PauseCampaign) -> Campaign:
        """Hold what of its batches is not with a sender yet. Single mails go out all the same."""
        return self._full(self._campaigns.pause(campaign_id, reason=body.reason))

    @operation("POST /campaigns/{campaign_id}/resume", scope="admin", tag="campaigns", problems=(404, 409, 503))
    def resume_campaign(self, campaign_id: str, by: str) -> Campaign:
        """Let a campaign go on, whether an operator or the breaker has paused it.

        What bounced before does not count any more, and batches that wait for their canaries wait no longer.
        """
        return self._full(self._campaigns.resume(campaign_id, by=by))

    @operation("DELETE /campaigns/{campaign_id}", scope="admin", tag="campaigns", success=204, problems=(404, 503))
    def delete_campaign(self, campaign_id: str) -> None:
        """Delete a campaign. Accepted mails still go out: their templates stay in SES."""
        self._campaigns.delete(campaign_id)

    def _full(self, campaign: StoredCampaign) -> Campaign:
        template = TemplateAnswer.model_validate(self._campaigns.template(campaign))
        return Campaign(**CampaignSummary.model_validate(campaign).model_dump(), template=template)
