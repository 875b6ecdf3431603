"""The product's own drainer in simulated time, and the campaigns that it takes turns between."""

from collections import deque
from collections.abc import Sequence

from ems.governor.minute import REPORT_SECONDS
from ems.local.simulation.case import NEWCOMER_AT, WARM_UP_SECONDS, ReleaseFigures
from ems.local.simulation.kernel import Host
from ems.local.simulation.queue import Campaign, Chunk
from ems.local.simulation.sender import EPOCH, Sender, World, governor_of
from ems.local.simulation.waiting import (
    Far,
    FarBatches,
    FarCampaigns,
    FarMemory,
    FarParking,
    FarQueues,
    FarSenders,
    Waits,
)
from ems.sending.drawer import Drawer
from ems.sending.lines import Lines
from ems.sending.payloads import ChunkLabel
from ems.sending.release import Drainer
from ems.sending.unsent import Unsent

BEAT_SECONDS = 1.0
NEWCOMER = "newcomer"

ENDLESS = 1_000_000
"""Recipients of a campaign that does not end while it is simulated."""

RECIPIENTS_OF_A_REQUEST = 50_000


class _NoProtection:
    """Nothing bounces here; what the breaker reads costs a tick a few milliseconds every three seconds."""

    def inspect(self, lines: Lines) -> None:
        """Let everything go."""


class Releasing:
    """One drainer, ticking every second. *senders* are all that ever started."""

    def __init__(self, world: World, senders: Sequence[Sender]) -> None:
        case = world.case
        self._world = world
        self._senders = senders
        self._size = case.chunk_size or case.policy().size_of_chunk(case.rate)
        self._far = Far(world.wire, self._clock)
        self._sqs = FarQueues(self._far, self._release)
        self._parking = FarParking(self._far, self._size)
        self._batches = FarBatches(self._far, EPOCH)
        governor = governor_of(world, clock=self._clock)
        campaigns = FarCampaigns(self._far)
        unsent = Unsent(
            self._batches,
            FarSenders(self._far, self._last_reports),
            self._sqs,
            visibility_seconds=case.redelivery_seconds,
            clock=self._clock,
        )
        self._drainer = Drainer(
            drawer=Drawer(
                sqs=self._sqs,
                batches=self._batches,
                campaigns=campaigns,
                parking=self._parking,
                without_erased=dict,
                clock=self._clock,
            ),
            unsent=unsent,
            memory=FarMemory(self._far),
            protection=_NoProtection(),
            rate=governor.status,
            release_seconds=case.release_seconds,
            clock=self._clock,
        )
        self._campaigns: dict[str, Campaign] = {}
        self._released = 0
        self._most_unsent = 0
        self._longest_tick = 0.0
        self.host = Host()

    def start(self) -> None:
        """Accept the campaigns that never end, then tick."""
        case, kernel = self._world.case, self._world.kernel
        for number in range(case.campaigns):
            self._accept(f"campaign-{number}", max(ENDLESS, int(case.rate * case.seconds)))
        if case.newcomer:
            kernel.at(NEWCOMER_AT, lambda: self._accept(NEWCOMER, case.newcomer))
        self._beat()

    def figures(self) -> ReleaseFigures:
        """Count."""
        case = self._world.case
        endless = [
            sum(n for at, n in campaign.sent if at >= WARM_UP_SECONDS)
            for campaign in self._campaigns.values()
            if campaign.name != NEWCOMER
        ]
        newcomer = self._campaigns.get(NEWCOMER, Campaign(NEWCOMER)).sent
        done = case.newcomer and sum(n for _, n in newcomer) >= case.newcomer
        return ReleaseFigures(
            calls_per_chunk=round(self._far.calls.total() / max(1, self._released), 3),
            calls={name: round(number / max(1, self._released), 3) for name, number in sorted(self._far.calls.items())},
            most_unsent_seconds=round(self._most_unsent / (case.rate * case.takes), 2),
            longest_tick_ms=round(self._longest_tick * 1000),
            least_share=round(min(endless) * len(endless) / max(1, sum(endless)), 4),
            newcomer_seconds=round(newcomer[-1][0] - NEWCOMER_AT, 1) if done else None,
        )

    def _accept(self, name: str, recipients: int) -> None:
        """Put a campaign where :class:`ems.sending.waiting.WaitingRoom` would."""
        self._campaigns[name] = Campaign(name)
        numbers = range(-(-recipients // self._size))
        if self._parking.claim_at_once(name):
            self._sqs.waiting.append(Waits(name, self._size, deque(numbers)))
        else:
            request = RECIPIENTS_OF_A_REQUEST // self._size
            for start in range(0, len(numbers), request):
                self._parking.put(name, numbers[start : start + request])

    def _beat(self) -> None:
        kernel = self._world.kernel
        kernel.start(self._tick, host=self.host)
        kernel.at(kernel.now + BEAT_SECONDS, self._beat)

    def _tick(self) -> None:
        began = self._world.kernel.now
        if self._drainer.tick() is None or began < WARM_UP_SECONDS:
            return
        self._longest_tick = max(self._longest_tick, self._world.kernel.now - began)
        alive = {sender.name for sender in self._senders if sender.alive}
        before = [one for one in self._batches.taken.values() if one.owner is None or one.owner.split("/")[0] in alive]
        self._most_unsent = max(self._most_unsent, sum(chunk.left for chunk in before))

    def _release(self, label: ChunkLabel) -> None:
        self._released += 1
        chunk = Chunk(self._campaigns[label.campaign_id], label.chunk, label.size)
        self._batches.taken[label.batch_id, label.chunk] = chunk
        self._world.trigger.put(chunk)

    def _last_reports(self) -> dict[str, float]:
        """Say when each process last reported: it does so when it starts, and every few seconds while it lives."""
        now = self._world.kernel.now
        return {one.name: EPOCH + _last_report(one.started_at, min(now, one.died_at or now)) for one in self._senders}

    def _clock(self) -> float:
        return EPOCH + self._world.kernel.now


def _last_report(start: float, until: float) -> float:
    return start + (until - start) // REPORT_SECONDS * REPORT_SECONDS
