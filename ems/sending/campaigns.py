"""Campaigns: what callers may make of them, and the SES template behind each."""

import hashlib
import json
import re
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import structlog

from ems.errors import ConflictError, InvalidError, UnknownIdError
from ems.sending import templates
from ems.sending.addresses import AddressError, has_control_characters, normalise, parse_sender
from ems.sending.templates import TemplateParts
from ems.store.campaigns import ACTIVE, PAUSED_BY_BREAKER, Campaign, CampaignStore
from ems.store.pages import Page

log = structlog.get_logger()

Kind = Literal["transactional", "bulk"]
WantedState = Literal["active", "paused_by_operator"]

_CAMPAIGN_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PLAIN_ID_LENGTH = 35
"""Ids up to this length stand in the template's name as they are: SES takes names of 64 characters."""


@dataclass(frozen=True, slots=True)
class CampaignDraft:
    """A campaign as a caller writes it; creating and updating check it."""

    name: str
    kind: Kind
    sender: str
    template: TemplateParts
    reply_to: Sequence[str] = ()
    duplicate_window_seconds: int = 0


class TemplateService(Protocol):
    """Where templates live (:class:`ems.aws.templates.SesTemplates`)."""

    def create(self, name: str, *, subject: str, html: str | None, text: str | None) -> None:
        """Create a template unless it is there."""

    def read(self, name: str) -> tuple[str | None, str | None]:
        """Return a template's HTML and text."""


class PausedByBreaker(Protocol):
    """The list of campaigns that the breaker has paused (:class:`ems.store.breakers.AccountBreakers`)."""

    def forget(self, campaign_id: str) -> None:
        """Leave a campaign out, if it is listed."""


class Campaigns:
    """Create, read, change and delete campaigns. *clock* gives epoch seconds.

    A template goes to SES first and the row follows: what a crash leaves between the two is a template that nobody
    uses. Template names carry the version and a hash of the content, so a template is never overwritten: mails in
    flight keep theirs, whoever updates, deletes or creates the campaign anew meanwhile.
    """

    def __init__(
        self,
        store: CampaignStore,
        template_service: TemplateService,
        paused_by_breaker: PausedByBreaker,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._templates = template_service
        self._paused_by_breaker = paused_by_breaker
        self._clock = clock

    def create(self, draft: CampaignDraft, *, campaign_id: str | None = None) -> Campaign:
        """Create a campaign; without an id it gets one.

        Raises:
            InvalidError: A field of the draft cannot be.
            ConflictError: The id is taken.
            UnavailableError: SES or DynamoDB is out of reach.
        """
        identifier = secrets.token_hex(8) if campaign_id is None else campaign_id
        if not _CAMPAIGN_ID.fullmatch(identifier):
            raise InvalidError("campaign_id", "use 1 to 64 of the characters A-Z a-z 0-9 _ -")
        campaign = self._build(draft, identifier)
        taken = ConflictError(f"there is a campaign {identifier!r} already; PUT /campaigns/{identifier} changes it")
        if self._store.read(identifier) is not None:
            raise taken
        self._publish(campaign, draft.template)
        if not self._store.insert(campaign):
            raise taken
        return campaign

    def get(self, campaign_id: str) -> Campaign:
        """Read a campaign.

        Raises:
            UnknownIdError: There is none of this id.
        """
        campaign = self._store.read(campaign_id) if _CAMPAIGN_ID.fullmatch(campaign_id) else None
        if campaign is None:
            raise UnknownIdError("campaign", campaign_id)
        return campaign

    def template(self, campaign: Campaign) -> TemplateParts:
        """Return a campaign's template, from SES when it is too large for the row."""
        if campaign.template_is_inline:
            return TemplateParts(campaign.subject, campaign.html, campaign.text)
        html, text = self._templates.read(campaign.template_name)
        return TemplateParts(campaign.subject, html, text)

    def page(self, *, limit: int, cursor: str | None = None) -> Page[Campaign]:
        """List campaigns, *limit* at a time."""
        return self._store.page(limit=limit, cursor=cursor)

    def update(
        self, campaign_id: str, draft: CampaignDraft, *, state: WantedState | None = None, reason: str | None = None
    ) -> Campaign:
        """Replace a campaign; a changed template becomes a new version in SES. Without *state* its state stays.

        Raises:
            UnknownIdError: There is none of this id.
            ConflictError: It was changed at the same moment.
        """
        seen = self.get(campaign_id)
        built = self._build(draft, campaign_id, version=seen.template_version + 1)
        if built.template_name.rpartition("-")[2] == seen.template_name.rpartition("-")[2]:
            built = replace(built, template_name=seen.template_name, template_version=seen.template_version)
        else:
            self._publish(built, draft.template)
        kept = replace(
            built,
            created_at=seen.created_at,
            state=seen.state,
            state_reason=seen.state_reason,
            marks=seen.marks,
            resumed_at=seen.resumed_at,
        )
        if state == ACTIVE and not seen.active:
            kept = _resumed(kept, at=kept.updated_at)
        elif state is not None and state != ACTIVE:
            kept = _paused(kept, reason)
        self._write(kept, seen=seen)
        return kept

    def pause(self, campaign_id: str, *, reason: str | None = None) -> Campaign:
        """Pause a campaign for an operator: nothing of its batches is released until it is resumed.

        Raises:
            UnknownIdError: There is none of this id.
            ConflictError: It was changed at the same moment.
        """
        seen = self.get(campaign_id)
        paused = replace(_paused(seen, reason), updated_at=self._clock())
        self._write(paused, seen=seen)
        return paused

    def resume(self, campaign_id: str, *, by: str) -> Campaign:
        """Let a campaign go on, whoever paused it, and its batches whose rest waits for their canaries too.

        The breaker counts anew from here on. Resuming an active campaign only does the latter.

        Raises:
            UnknownIdError: There is none of this id.
            ConflictError: It was changed at the same moment.
        """
        seen, now = self.get(campaign_id), self._clock()
        resumed = replace(_resumed(seen, at=now), updated_at=now)
        self._write(resumed, seen=seen)
        log.info("campaign resumed", campaign_id=campaign_id, by=by, was=seen.state, reason=seen.state_reason)
        return resumed

    def delete(self, campaign_id: str) -> None:
        """Delete a campaign. Its SES templates stay for the mails in flight.

        Raises:
            UnknownIdError: There is none of this id.
        """
        if not _CAMPAIGN_ID.fullmatch(campaign_id) or not self._store.delete(campaign_id):
            raise UnknownIdError("campaign", campaign_id)
        self._paused_by_breaker.forget(campaign_id)

    def _build(self, draft: CampaignDraft, campaign_id: str, *, version: int = 1) -> Campaign:
        now = self._clock()
        return Campaign(
            campaign_id=campaign_id,
            name=_checked_name(draft.name),
            kind=draft.kind,
            sender=_checked_sender(draft.sender),
            reply_to=tuple(_checked_reply_to(index, text) for index, text in enumerate(draft.reply_to)),
            subject=draft.template.subject,
            html=draft.template.html,
            text=draft.template.text,
            variables=templates.of_callers(templates.parse(draft.template), kind=draft.kind),
            template_name=template_name(campaign_id, version, draft.template),
            template_version=version,
            state=ACTIVE,
            state_reason=None,
            created_at=now,
            updated_at=now,
            duplicate_window_seconds=draft.duplicate_window_seconds,
        )

    def _publish(self, campaign: Campaign, template: TemplateParts) -> None:
        self._templates.create(campaign.template_name, subject=template.subject, html=template.html, text=template.text)

    def _write(self, campaign: Campaign, *, seen: Campaign) -> None:
        if not self._store.replace(campaign, seen=seen):
            raise ConflictError(
                f"campaign {campaign.campaign_id!r} was changed at the same moment; read it and try again"
            )
        if seen.state == PAUSED_BY_BREAKER and campaign.state != PAUSED_BY_BREAKER:
            self._paused_by_breaker.forget(campaign.campaign_id)


def template_name(campaign_id: str, version: int, template: TemplateParts) -> str:
    """Name the SES template of a campaign's version: ``ems-<campaign_id>-v<version>-<content hash>``.

    A long id is cut and hashed under a prefix of its own (``emsx-``), so that names stay within 64 characters and two
    campaigns never share one.
    """
    content = json.dumps([template.subject, template.html, template.text])
    suffix = f"v{version}-{_short_hash(content)}"
    if len(campaign_id) <= _PLAIN_ID_LENGTH:
        return f"ems-{campaign_id}-{suffix}"
    return f"emsx-{campaign_id[:20]}-{_short_hash(campaign_id)}-{suffix}"


def _paused(campaign: Campaign, reason: str | None) -> Campaign:
    return replace(campaign, state="paused_by_operator", state_reason=reason)


def _resumed(campaign: Campaign, *, at: float) -> Campaign:
    """Without marks the breaker begins to count anew when it looks next, before anything is released."""
    return replace(campaign, state=ACTIVE, state_reason=None, marks=None, resumed_at=at)


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _checked_name(name: str) -> str:
    if not name.strip():
        raise InvalidError("name", "give the campaign a name")
    if has_control_characters(name):
        raise InvalidError("name", "remove the line breaks and control characters")
    return name


def _checked_sender(text: str) -> str:
    try:
        return str(parse_sender(text))
    except AddressError as error:
        raise InvalidError("sender", str(error)) from None


def _checked_reply_to(index: int, text: str) -> str:
    try:
        return normalise(text)
    except AddressError as error:
        raise InvalidError(f"reply_to[{index}]", str(error)) from None
