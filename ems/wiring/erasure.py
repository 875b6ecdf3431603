"""Erasing persons."""

from ems.erasure.eraser import Eraser
from ems.erasure.places import AtSes, InMails, InPayloads, InTheList
from ems.store.erased import Marks
from ems.store.erasing import ErasableMails, ErasablePayloads
from ems.tracking.forget import history_without
from ems.wiring.outside import Outside
from ems.wiring.parts import part

IN_HAND_SECONDS = 60
"""What a process may take beyond the visibility timeout until it has written what it had in hand."""

QUEUES_KEEP_SECONDS = 14 * 86_400
"""The longest that SQS keeps a message."""


class Erasing(Outside):
    """The layer ``erasure``."""

    @part
    def eraser(self) -> Eraser:
        """Erases persons."""
        marks = Marks(self.tables)
        mails = ErasableMails(self.tables, history_without)
        # What was accepted may rest for as long as records live before a sender comes to it, and be recorded then.
        mark = InTheList(self.tables, marks, kept_seconds=2 * self.retention_seconds + QUEUES_KEEP_SECONDS)
        ses = (AtSes(self.ses_suppressions),) if self.settings.ses_list_sync else ()
        everywhere = (InMails(mails, self.batch_store, mails.naming), InPayloads(ErasablePayloads(self.tables)))
        return Eraser(
            erasures=self.erasures,
            hashes=marks.hashes,
            rounds=(
                (mark, InMails(mails, self.batch_store, mails.to), *everywhere),
                (mark, *everywhere, *ses),
            ),
            settle_seconds=self.settings.visibility_timeout_seconds + IN_HAND_SECONDS,
        )
