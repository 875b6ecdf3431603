"""Campaigns (the table ``email-campaign``)."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.condition import Condition

from ems.store import pages
from ems.store.breakers import Marks, marks_of
from ems.store.failures import conditionally, translated
from ems.store.keys import is_id
from ems.store.models import CampaignRow
from ems.store.pages import Page
from ems.store.tables import Tables

MAX_INLINE_BYTES = 300 * 1024
"""Templates up to this size lie in the row; a row holds 400 KB (DynamoDB), an SES template 500 KB."""

ACTIVE = "active"
PAUSED_BY_BREAKER = "paused_by_breaker"


@dataclass(frozen=True, slots=True)
class Campaign:
    """One template and who sends it.

    ``sender`` is ``address`` or ``name <address>``. ``template_name`` is the SES template of ``template_version``;
    ``variables`` are the paths that every recipient's data must hold. ``html`` and ``text`` are both None for a
    template too large for the row: SES has it. ``state`` is active, paused_by_operator or paused_by_breaker.
    ``duplicate_window_seconds`` is the time within which a second mail of the same content is held; 0 holds none.
    ``marks`` say since when the breaker counts, None when it is to begin anew; ``resumed_at`` is when somebody last had
    a paused campaign go on. Times are epoch seconds.
    """

    campaign_id: str
    name: str
    kind: str
    sender: str
    reply_to: tuple[str, ...]
    subject: str
    html: str | None
    text: str | None
    template_name: str
    template_version: int
    variables: tuple[str, ...]
    state: str
    state_reason: str | None
    created_at: float
    updated_at: float
    duplicate_window_seconds: int = 0
    marks: Marks | None = None
    resumed_at: float | None = None

    @property
    def active(self) -> bool:
        """Tell whether its mails may go out."""
        return self.state == ACTIVE

    @property
    def template_is_inline(self) -> bool:
        """Tell whether ``html`` and ``text`` are the template's; otherwise only SES has them."""
        return self.html is not None or self.text is not None


class CampaignStore:
    """Reads and conditional writes of campaigns. Every method raises UnavailableError when DynamoDB is out of reach."""

    def __init__(self, tables: Tables) -> None:
        self._table = tables.campaigns

    def read(self, campaign_id: str) -> Campaign | None:
        """Read one campaign; None when there is none."""
        if not is_id(campaign_id):
            return None
        with translated("cannot read the campaign"):
            try:
                row = self._table.get(campaign_id, consistent_read=True)
            except DoesNotExist:
                return None
        return _campaign(row)

    def read_many(self, campaign_ids: Iterable[str]) -> dict[str, Campaign]:
        """Read campaigns by id; those that do not exist are missing from the answer."""
        wanted = set(campaign_ids)
        if not wanted:
            return {}
        with translated("cannot read campaigns"):
            return {row.campaign_id: _campaign(row) for row in self._table.batch_get(wanted, consistent_read=True)}

    def page(self, *, limit: int, cursor: str | None) -> Page[Campaign]:
        """List campaigns in DynamoDB's own order, which is stable but says nothing.

        Raises:
            InvalidError: The cursor is none of this listing.
        """
        after = {"campaign_id": {"S": pages.decode(cursor, "campaigns", keys=1)[0]}} if cursor else None
        with translated("cannot list campaigns"):
            rows = self._table.scan(limit=limit, page_size=limit, last_evaluated_key=after)
            items = [_campaign(row) for row in rows]
            last = rows.last_evaluated_key
        return Page(items, pages.encode("campaigns", last["campaign_id"]["S"]) if last else None)

    def insert(self, campaign: Campaign) -> bool:
        """Write a new campaign; False when its id is taken."""
        return self._save(campaign, self._table.campaign_id.does_not_exist())

    def replace(self, campaign: Campaign, *, seen: Campaign) -> bool:
        """Write a campaign over the one that was *seen*; False when it has changed or gone since."""
        unchanged = (self._table.template_version == seen.template_version) & (
            self._table.updated_at == seen.updated_at
        )
        return self._save(campaign, unchanged)

    def trip(self, seen: Campaign, reason: str, *, at: float) -> bool:
        """Pause an active campaign by the breaker; False when it was paused, resumed or changed since it was *seen*."""
        table = self._table
        return conditionally(
            "cannot pause the campaign",
            table(seen.campaign_id).update,
            actions=[table.state.set(PAUSED_BY_BREAKER), table.state_reason.set(reason), table.updated_at.set(at)],
            condition=(table.state == ACTIVE) & (table.updated_at == seen.updated_at),
        )

    def remember(self, seen: Campaign, marks: Marks) -> bool:
        """Store since when the breaker counts; False when the campaign has changed or gone since it was *seen*."""
        table = self._table
        return conditionally(
            "cannot write the campaign",
            table(seen.campaign_id).update,
            actions=[table.marks.set(marks.json())],
            condition=table.updated_at == seen.updated_at,
        )

    def delete(self, campaign_id: str) -> bool:
        """Remove a campaign; False when there is none."""
        row = self._table(campaign_id)
        return conditionally("cannot delete the campaign", row.delete, condition=self._table.campaign_id.exists())

    def _save(self, campaign: Campaign, condition: Condition) -> bool:
        fits = len(((campaign.html or "") + (campaign.text or "")).encode()) <= MAX_INLINE_BYTES
        kept = campaign if fits else replace(campaign, html=None, text=None)
        row = self._table(
            kept.campaign_id,
            name=kept.name,
            kind=kept.kind,
            sender=kept.sender,
            reply_to=list(kept.reply_to),
            subject=kept.subject,
            html=kept.html,
            text=kept.text,
            template_name=kept.template_name,
            template_version=kept.template_version,
            variables=list(kept.variables),
            state=kept.state,
            state_reason=kept.state_reason,
            created_at=kept.created_at,
            updated_at=kept.updated_at,
            duplicate_window_seconds=kept.duplicate_window_seconds,
            marks=kept.marks.json() if kept.marks else None,
            resumed_at=kept.resumed_at,
        )
        return conditionally("cannot write the campaign", row.save, condition=condition)


def _campaign(row: CampaignRow) -> Campaign:
    return Campaign(
        campaign_id=row.campaign_id,
        name=row.name,
        kind=row.kind,
        sender=row.sender,
        reply_to=tuple(row.reply_to or ()),
        subject=row.subject,
        html=row.html,
        text=row.text,
        template_name=row.template_name,
        template_version=int(row.template_version),
        variables=tuple(row.variables or ()),
        state=row.state,
        state_reason=row.state_reason,
        created_at=float(row.created_at),
        updated_at=float(row.updated_at),
        duplicate_window_seconds=int(row.duplicate_window_seconds or 0),
        marks=marks_of(row.marks),
        resumed_at=None if row.resumed_at is None else float(row.resumed_at),
    )
