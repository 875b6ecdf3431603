"""Telling what became of mails."""

from ems.history.exports import Exports
from ems.wiring.parts import part
from ems.wiring.sending import Sending


class History(Sending):
    """The layer ``history``."""

    @part
    def exports(self) -> Exports:
        """All mails of a campaign or a batch."""
        return Exports(self.emails, self.campaign_store, self.batch_store)
