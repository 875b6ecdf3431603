"""Which mails an export holds."""

from collections.abc import Iterator
from itertools import chain
from typing import Protocol

from ems.errors import UnknownIdError
from ems.sending.batches import accepted_batch
from ems.sending.emails import EmailView
from ems.sending.ports import BatchReader
from ems.store.campaigns import Campaign
from ems.store.status import Status


class Mails(Protocol):
    """Where mails come from (:class:`ems.sending.emails.Emails`)."""

    def all_of_campaign(
        self, campaign_id: str, *, batch_id: str | None = None, status: Status | None = None
    ) -> Iterator[list[EmailView]]:
        """Yield the mails of a campaign, or of one of its batches, of one status if asked."""


class CampaignReader(Protocol):
    """Where campaigns come from (:class:`ems.store.campaigns.CampaignStore`)."""

    def read(self, campaign_id: str) -> Campaign | None:
        """Read a campaign; None when there is none."""


class Exports:
    """Reads all mails of a campaign or a batch, in lists of a few hundred that nobody holds but the reader.

    The first list is read by the call itself: an id that nothing has, and a DynamoDB out of reach, are errors before
    anything of the export is written. Mails are in no order that means anything. What no sender has come to yet has no
    row and is not among them.
    """

    def __init__(self, mails: Mails, campaigns: CampaignReader, batches: BatchReader) -> None:
        self._mails = mails
        self._campaigns = campaigns
        self._batches = batches

    def campaign(self, campaign_id: str, *, status: Status | None = None) -> Iterator[list[EmailView]]:
        """Export a campaign, also one that was deleted and of which there are mails.

        Raises:
            UnknownIdError: There is no such campaign, nor a mail of it.
        """
        mails = self._mails.all_of_campaign(campaign_id, status=status)
        first = next(mails, None)
        if first is None and self._campaigns.read(campaign_id) is None:
            raise UnknownIdError("campaign", campaign_id)
        return chain([first or []], mails)

    def batch(self, batch_id: str, *, status: Status | None = None) -> Iterator[list[EmailView]]:
        """Export a batch.

        Raises:
            UnknownIdError: No batch of this id was accepted.
        """
        batch = accepted_batch(self._batches, batch_id)
        mails = self._mails.all_of_campaign(batch.campaign_id, batch_id=batch_id, status=status)
        return chain([next(mails, [])], mails)

    def subject(self, identifier: str, *, status: Status | None = None) -> Iterator[list[EmailView]]:
        """Export the batch of this id or, if there is none, the campaign.

        Raises:
            UnknownIdError: Neither is there.
        """
        try:
            return self.batch(identifier, status=status)
        except UnknownIdError:
            return self.campaign(identifier, status=status)
