"""Erasing persons, place by place, in steps that are noted, so that any process may go on where another was killed.

The mark comes first: from then on nothing that was accepted before is sent, and no event brings the address back. Then
every place is looked through, and once more when whatever a process had in hand at that moment has been written.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import structlog

from ems.erasure.places import Place
from ems.errors import UnavailableError, UnknownIdError
from ems.sending.suppressions import checked_address
from ems.store.erased import PREFIX as MARK_PREFIX
from ems.store.erased import AddressHashes
from ems.store.erasures import Erasure, Erasures

log = structlog.get_logger()

LEASE_SECONDS = 60.0
"""For how long an erasure is in a process's hands between two notes; one step is a page of a table."""


class Eraser:
    """Begins erasures and carries them out.

    Args:
        erasures: How far they are.
        hashes: Names persons.
        rounds: The places that are swept at first, and those when it looks again. The very first sets the mark.
        settle_seconds: How long a process may have an address in hand.
        clock: Epoch seconds.
    """

    def __init__(
        self,
        *,
        erasures: Erasures,
        hashes: AddressHashes,
        rounds: tuple[Sequence[Place], Sequence[Place]],
        settle_seconds: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._erasures = erasures
        self._hashes = hashes
        self._rounds = rounds
        self._settle_seconds = settle_seconds
        self._clock = clock

    def begin(self, address: str) -> Erasure:
        """Erase *address*, in any case: nothing that was accepted until now is sent to it any more.

        The rest follows by :meth:`work`. Beginning again is asking anew, also about mails accepted meanwhile.

        Raises:
            InvalidError: It is no address.
            UnavailableError: DynamoDB cannot be reached; ask again.
        """
        key, now = checked_address(address), self._clock()
        erasure_id = self._hashes.of(key).removeprefix(MARK_PREFIX)
        begun = self._erasures.begin(Erasure(erasure_id, key, now, look_again_at=now + self._settle_seconds))
        self._rounds[0][0].sweep(key, now, None)
        log.info("erasure begun", erasure_id=erasure_id)
        return begun

    def get(self, erasure_id: str) -> Erasure:
        """Read how far an erasure is.

        Raises:
            UnknownIdError: There is none of this id.
        """
        erasure = self._erasures.get(erasure_id)
        if erasure is None:
            raise UnknownIdError("erasure", erasure_id)
        return erasure

    def tick(self, *, seconds: float) -> int:
        """Go on with all that are under way, each for up to *seconds*; return how many are left."""
        for erasure_id in self._erasures.under_way():
            erasure = self._erasures.get(erasure_id)
            if erasure is None or erasure.done_at is not None:
                self._erasures.close(erasure_id)
            else:
                self.work(erasure, seconds=seconds)
        return len(self._erasures.under_way())

    def work(self, erasure: Erasure, *, seconds: float) -> Erasure:
        """Take steps for up to *seconds*, as far as there is something to do now; returns how far it is then.

        Raises:
            UnavailableError: DynamoDB cannot be reached.
        """
        end = self._clock() + seconds
        while self._is_due(erasure) and self._clock() < end:
            taken = self._erasures.save(replace(erasure, lease_until=self._clock() + LEASE_SECONDS))
            if taken is None:
                break  # another process has it
            stepped = self._erasures.save(replace(self._step(taken), lease_until=0.0))
            if stepped is None:
                break
            erasure = stepped
            if erasure.problem is not None:
                break
        if erasure.done_at is not None:
            self._erasures.close(erasure.erasure_id)
        return self.get(erasure.erasure_id)

    def _is_due(self, erasure: Erasure) -> bool:
        now = self._clock()
        if erasure.done_at is not None or erasure.lease_until > now:
            return False
        return erasure.round == 1 or now >= erasure.look_again_at

    def _step(self, erasure: Erasure) -> Erasure:
        """Take one step and return the erasure after it."""
        place = self._rounds[erasure.round - 1][erasure.place]
        try:
            swept = place.sweep(erasure.address or "", erasure.erased_at, erasure.cursor)
        except UnavailableError as error:
            log.warning("erasure waits", erasure_id=erasure.erasure_id, reason=str(error))
            return replace(erasure, problem=str(error))
        counted = replace(
            erasure,
            cursor=swept.next,
            read=erasure.read + swept.read,
            mails=erasure.mails + swept.mails,
            payloads=erasure.payloads + swept.payloads,
            problem=None,
        )
        return counted if swept.next else self._at_next_place(counted)

    def _at_next_place(self, erasure: Erasure) -> Erasure:
        if erasure.place + 1 < len(self._rounds[erasure.round - 1]):
            return replace(erasure, place=erasure.place + 1)
        if erasure.round < len(self._rounds):
            return replace(erasure, round=erasure.round + 1, place=0)
        log.info("erased", erasure_id=erasure.erasure_id, mails=erasure.mails, payloads=erasure.payloads)
        return replace(erasure, round=erasure.round + 1, place=0, address=None, done_at=self._clock())
