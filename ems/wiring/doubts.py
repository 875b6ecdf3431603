"""What becomes of mails in doubt, and of failures that may pass."""

from ems.sending.again import ChunkAgain
from ems.sending.chunk_doubts import ChunkDoubts
from ems.sending.doubt_policy import DoubtPolicy
from ems.sending.single_doubts import SingleDoubts
from ems.store.again import Again
from ems.store.doubts import Doubts
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
        """Chunks with doubts, or with failures that may pass."""
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
