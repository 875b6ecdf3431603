"""Telling what became of mails."""

from functools import partial

from ems.history.exports import Exports
from ems.history.statistics import Statistics
from ems.history.trace import Tracer
from ems.store.removals import removed
from ems.wiring.parts import part
from ems.wiring.sending import Sending


class History(Sending):
    """The layer ``history``."""

    @part
    def exports(self) -> Exports:
        """All mails of a campaign or a batch."""
        return Exports(self.emails, self.campaign_store, self.batch_store)

    @part
    def statistics(self) -> Statistics:
        """Campaigns and batches in numbers."""
        return Statistics(self.stats_store, self.campaign_store, self.batch_store)

    @part
    def tracer(self) -> Tracer:
        """The story of one mail."""
        return Tracer(
            mails=self.emails,
            batches=self.batch_store,
            suppressions=self.suppressions,
            removed=partial(removed, self.tables),
        )
