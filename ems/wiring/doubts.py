"""What becomes of mails in doubt, of possible duplicates, and of failures that may pass."""

from ems.sending.again import ChunkAgain
from ems.sending.chunk_doubts import ChunkDoubts
from ems.sending.doubt_orders import DoubtOrders
from ems.sending.doubt_policy import DoubtPolicy
from ems.sending.guard import ContentGuard
from ems.sending.held_orders import HeldOrders
from ems.sending.resolve import Resolver
from ems.sending.single_doubts import SingleDoubts
from ems.sending.stranded_orders import StrandedOrders
from ems.store.again import Again
from ems.store.contents import ContentNotes
from ems.store.doubts import Doubts
from ems.store.held import HeldMails
from ems.store.kept import Kept
from ems.store.unresolved import UnresolvedChunks
from ems.wiring.parts import part
from ems.wiring.rate import Rate


class Doubting(Rate):
    """The part of the layer ``sending`` that deals with what is unresolved."""

    @part
    def doubts(self) -> Doubts:
        """Mails in doubt."""
        return Doubts(self.tables)

    @part
    def kept(self) -> Kept:
        """Payloads of what may be sent again."""
        return Kept(self.tables, retention_seconds=self.retention_seconds)

    @part
    def unresolved(self) -> UnresolvedChunks:
        """Chunks with doubts, possible duplicates, or failures that may pass."""
        return UnresolvedChunks(self.tables)

    @part
    def again_store(self) -> Again:
        """Mails that go into a new chunk."""
        return Again(self.tables, retention_seconds=self.retention_seconds)

    @part
    def again(self) -> ChunkAgain:
        """Sends again to recipients of a batch."""
        return ChunkAgain(self.again_store)

    @part
    def doubt_policy(self) -> DoubtPolicy:
        """What becomes of doubts without evidence."""
        return DoubtPolicy(self.settings.in_doubt_seconds, self.settings.in_doubt_policy)

    @part
    def single_doubts(self) -> SingleDoubts:
        """Decides about single mails in doubt."""
        return SingleDoubts(doubts=self.doubts, kept=self.kept, policy=self.doubt_policy)

    @part
    def chunk_doubts(self) -> ChunkDoubts:
        """Decides about finished chunks with doubts."""
        return ChunkDoubts(
            unresolved=self.unresolved,
            doubts=self.doubts,
            again=self.again,
            kept=self.kept,
            policy=self.doubt_policy,
        )

    @part
    def held_mails(self) -> HeldMails:
        """Possible duplicates."""
        return HeldMails(self.tables)

    @part
    def content_guard(self) -> ContentGuard:
        """Holds what repeats."""
        notes = ContentNotes(self.tables, retention_seconds=self.retention_seconds)
        return ContentGuard(notes=notes, held=self.held_mails, kept=self.kept)

    @part
    def resolver(self) -> Resolver:
        """Carries out what an operator decides about doubts and possible duplicates."""
        doubts = DoubtOrders(
            batches=self.batch_store,
            doubts=self.doubts,
            kept=self.kept,
            again=self.again,
            queue=self.sqs,
            policy=self.doubt_policy,
        )
        held = HeldOrders(
            batches=self.batch_store, held=self.held_mails, kept=self.kept, again=self.again, queue=self.sqs
        )
        return Resolver(
            batches=self.batch_store,
            unresolved=self.unresolved,
            kept=self.kept,
            doubts=doubts,
            held=held,
            stranded=StrandedOrders(self.singles),
        )
