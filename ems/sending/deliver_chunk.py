"""Delivering one chunk of a batch, call by call, with the ledger written between the calls."""

import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from ems.aws.ses_answers import NotNow, Outcome
from ems.governor.errors import LeaseError
from ems.links import UnsubscribeLinks
from ems.sending.chunk_doubts import ChunkDoubts
from ems.sending.chunk_outcomes import erased_of, judge, settled_at, suppressed_of
from ems.sending.deliver_email import SENDER_DIED
from ems.sending.gate import Gate, Passed
from ems.sending.guard import ContentGuard
from ems.sending.outcomes import Delivery, Finished, Postponed, after_pause, after_refused_lease
from ems.sending.payloads import ChunkPayload
from ems.sending.ports import UNWATCHED, DeliveryWatch, Mailer, RateGovernor, SuppressionFilter
from ems.store.chunk_state import Busy, ChunkState, Done, Settled
from ems.store.ledger import LeaseLostError, Ledger
from ems.store.senders import lease_owner
from ems.store.status import Status

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Timing:
    """How long things take at most, in seconds.

    ``slice_seconds`` is how long one message is worked on before the rest is handed in again, so that no message
    outlives its visibility timeout; ``lease_seconds`` how long a chunk belongs to its sender; ``call_seconds`` the
    longest SES call.
    """

    slice_seconds: float
    lease_seconds: float
    call_seconds: float


@dataclass(frozen=True, slots=True)
class _Hold:
    """One sender's hold on a chunk: whose lease, since when (epoch seconds), and how large its calls are.

    ``suppressed`` holds the addresses that get no mail, with the reason of each.
    """

    owner: str
    since: float
    call_size: int
    suppressed: Mapping[str, str] = field(default_factory=dict)


class ChunkDelivery:
    """Delivers chunks; safe to be handed the same chunk any number of times. *clock* gives epoch seconds."""

    def __init__(  # noqa: PLR0913 - each of them is a part of delivering
        self,
        *,
        ledger: Ledger,
        gate: Gate,
        suppressions: SuppressionFilter,
        guard: ContentGuard,
        governor: RateGovernor,
        mailer: Mailer,
        doubts: ChunkDoubts,
        links: UnsubscribeLinks,
        configuration_set: str,
        timing: Timing,
        watch: DeliveryWatch = UNWATCHED,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._ledger = ledger
        self._gate = gate
        self._suppressions = suppressions
        self._guard = guard
        self._governor = governor
        self._mailer = mailer
        self._doubts = doubts
        self._links = links
        self._configuration_set = configuration_set
        self._timing = timing
        self._watch = watch
        self._clock = clock

    def deliver(self, chunk: ChunkPayload) -> Delivery:
        """Send what is left of the chunk, as far as one slice of time goes.

        Raises:
            UnavailableError: DynamoDB cannot be reached, or a setting is missing; hand the chunk in again later.
        """
        chunk, suppressed = self._looked_up(chunk)
        passed = self._gate.check(chunk)
        if not isinstance(passed, Passed):
            return passed
        # Whatever may fail is asked for before anything is in hand: then there is nothing to give back.
        if not passed.cancelled:
            self._links.require(chunk.kind)
        call_size = self._governor.call_size()
        hold = _Hold(lease_owner(), since=self._clock(), call_size=call_size, suppressed=suppressed)
        claimed = self._claim(chunk, hold, may_resend=not passed.cancelled)
        if not isinstance(claimed, ChunkState):
            return claimed
        try:
            return self._give_up(chunk, claimed, hold) if passed.cancelled else self._work(chunk, claimed, hold)
        except LeaseLostError:
            # Its new owner works from the same message; a copy of our own keeps the chunk safe if that one dies.
            return self._taken_over()

    def give_up(self, chunk: ChunkPayload, *, reason: str) -> Delivery:
        """End what is left of a chunk as failed, never to be sent; Postponed while a sender has it in hand.

        What a sender had in a call when it died may have been sent, so it is in doubt; no policy sends it again.

        Raises:
            UnavailableError: DynamoDB cannot be reached.
        """
        chunk, _suppressed = self._looked_up(chunk)
        passed = self._gate.check(chunk, sending=False)
        if not isinstance(passed, Passed):
            return passed
        hold = _Hold(lease_owner(), since=self._clock(), call_size=0)
        claimed = self._claim(chunk, hold, may_resend=False)
        if not isinstance(claimed, ChunkState):
            return claimed
        settled = [*self._abandoned(chunk, claimed.under_way), *_unsent(chunk, claimed, reason=reason)]
        try:
            state = self._record(chunk, claimed, settled, hold, next_call=())
        except LeaseLostError:
            return self._taken_over()
        return self._finish(chunk, unresolved=state.unresolved, may_resend=False)

    def _looked_up(self, chunk: ChunkPayload) -> tuple[ChunkPayload, Mapping[str, str]]:
        """Ask who of the chunk gets no mail, once; nothing is written any more about those who were erased."""
        reasons = self._suppressions.filter(chunk.addresses, kind=chunk.kind, accepted_at=chunk.accepted_at)
        return chunk.without(erased_of(reasons)), reasons

    def _claim(self, chunk: ChunkPayload, hold: _Hold, *, may_resend: bool) -> ChunkState | Delivery:
        """Take the chunk in hand, or say what becomes of the message of one that is done or another sender's."""
        claimed = self._ledger.claim(chunk.key(), owner=hold.owner, lease_seconds=self._timing.lease_seconds)
        if isinstance(claimed, Done):
            return self._finish(chunk, unresolved=claimed.unresolved, may_resend=may_resend)
        if isinstance(claimed, Busy):
            return Postponed(max(math.ceil(claimed.until - hold.since), 0) + 1, "another sender has the chunk")
        return claimed

    def _give_up(self, chunk: ChunkPayload, claimed: ChunkState, hold: _Hold) -> Delivery:
        """Settle what a dead sender of a cancelled batch left in doubt; the rest is cancelled when it comes again.

        Whoever was to be sent to again is what they were before.
        """
        settled = self._abandoned(chunk, claimed.under_way)
        if claimed.again is not None:
            settled += _unsent(chunk, claimed, reason=None)
        state = self._record(chunk, claimed, settled, hold, next_call=())
        return self._hand_back(chunk, state, hold, Postponed(0, "the batch is cancelled"))

    def _open(self, chunk: ChunkPayload, claimed: ChunkState, hold: _Hold) -> ChunkState:
        """Settle what a dead sender left in doubt and whoever is suppressed or held, and mark the first call."""
        settled = self._abandoned(chunk, claimed.under_way)
        settled += suppressed_of(chunk, claimed.left, hold.suppressed)
        settled += self._guard.held_of(chunk, _without(claimed.left, settled))
        first_call = _without(claimed.left, settled)[: hold.call_size]
        return self._record(chunk, claimed, settled, hold, next_call=first_call)

    def _abandoned(self, chunk: ChunkPayload, under_way: Iterable[int]) -> list[Settled]:
        """Find out, as far as can be told, what became of the recipients of a call whose sender died."""
        positions = list(under_way)
        if not positions:
            return []
        log.warning("recipients in doubt", batch_id=chunk.batch_id, chunk=chunk.chunk, number=len(positions))
        proven = self._proven(chunk, positions)
        return [
            settled_at(chunk, position, Status.SENT)
            if position in proven
            else settled_at(chunk, position, Status.IN_DOUBT, reason=SENDER_DIED)
            for position in positions
        ]

    def _work(self, chunk: ChunkPayload, claimed: ChunkState, hold: _Hold) -> Delivery:
        state = self._open(chunk, claimed, hold)
        slice_end = hold.since + self._timing.slice_seconds
        # By the end of a later call the chunk could be another sender's.
        last_call = hold.since + self._timing.lease_seconds - self._timing.call_seconds
        template = chunk.template(self._configuration_set)
        while state.under_way:
            if self._clock() > slice_end:
                return self._hand_back(chunk, state, hold, Postponed(0, "the slice of time is used"))
            try:
                lease = self._governor.lease(len(state.under_way), lane="bulk", deadline=slice_end)
            except LeaseError as error:
                return self._hand_back(chunk, state, hold, after_refused_lease(error, now=self._clock()))
            try:
                outcomes = self._mailer.send(
                    template, chunk.mails(state.under_way, self._links), not_after=min(lease.not_after, last_call)
                )
            finally:
                self._governor.returned(lease)
            if all(isinstance(outcome, NotNow) and outcome.why == "late" for outcome in outcomes):
                continue
            pause = self._pause(outcomes)
            settled = judge(chunk, state.under_way, outcomes)
            left = _without((*state.under_way, *state.left), settled)
            next_call = [] if pause else left[: hold.call_size]
            state = self._record(chunk, state, settled, hold, next_call=next_call)
            if pause and state.left:
                return self._hand_back(chunk, state, hold, pause)
        if state.left:
            return self._hand_back(chunk, state, hold, Postponed(0, "events have settled the next call"))
        return self._finish(chunk, unresolved=state.unresolved)

    def _record(
        self, chunk: ChunkPayload, state: ChunkState, settled: list[Settled], hold: _Hold, *, next_call: Sequence[int]
    ) -> ChunkState:
        """Write what a call brought and mark the next; whom an event has proved to be sent to meanwhile, is sent.

        Raises:
            LeaseLostError: The chunk belongs to another worker by now.
        """
        while True:
            again = next_call if state.again else ()
            unproven = [chunk.email_id(position) for position in again]
            try:
                after = self._ledger.settle(
                    chunk.key(), state, settled, owner=hold.owner, next_call=next_call, unproven=unproven
                )
            except LeaseLostError:
                open_to_proof = {one.position for one in settled if state.guards(one)}.union(again)
                proven = self._proven(chunk, open_to_proof)
                if not proven:
                    raise
            else:
                for status, number in Counter(one.status for one in settled if not one.reverts).items():
                    self._watch.settled(chunk.kind, status, number)
                return after
            settled = [one for one in settled if one.position not in proven]
            settled += [settled_at(chunk, position, Status.SENT) for position in sorted(proven)]
            next_call = [position for position in next_call if position not in proven]

    def _proven(self, chunk: ChunkPayload, positions: Iterable[int]) -> set[int]:
        position_of = {chunk.email_id(position): position for position in positions}
        if not position_of:
            return set()
        return {position_of[email_id] for email_id in self._ledger.evidence(list(position_of))}

    def _finish(self, chunk: ChunkPayload, *, unresolved: bool, may_resend: bool = True) -> Delivery:
        return self._doubts.conclude(chunk, may_resend=may_resend) if unresolved else Finished()

    def _pause(self, outcomes: Iterable[Outcome]) -> Postponed | None:
        """Tell how long to stay away from SES; throttles and missed slots are the governor's, the line goes on."""
        reasons = [outcome for outcome in outcomes if isinstance(outcome, NotNow)]
        if any(reason.why == "throttled" for reason in reasons):
            self._governor.throttled()
        pauses = [after_pause(reason) for reason in reasons if reason.why not in {"throttled", "late"}]
        return max(pauses, key=lambda pause: pause.delay_seconds, default=None)

    def _taken_over(self) -> Postponed:
        return Postponed(math.ceil(self._timing.lease_seconds), "another sender took the chunk over")

    def _hand_back(self, chunk: ChunkPayload, state: ChunkState, hold: _Hold, postponed: Postponed) -> Postponed:
        self._ledger.release(chunk.key(), state, owner=hold.owner)
        return postponed


def _without(positions: Iterable[int], settled: Iterable[Settled]) -> list[int]:
    gone = {one.position for one in settled}
    return [position for position in positions if position not in gone]


def _unsent(chunk: ChunkPayload, claimed: ChunkState, *, reason: str | None) -> list[Settled]:
    """End those who are left without a mail: as failed, or as what they were before they were to be sent to again."""
    if claimed.again is None:
        return [settled_at(chunk, position, Status.FAILED, reason=reason) for position in claimed.left]
    may_pass = claimed.again is Status.FAILED
    return [settled_at(chunk, position, claimed.again, may_pass=may_pass, reverts=True) for position in claimed.left]
