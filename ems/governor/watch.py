"""How the calls of one process waited for the line, second by second of the last minute, in its memory."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock

from ems.governor.errors import LeaseError
from ems.governor.policy import Lane
from ems.store.rate_item import KEPT_SECONDS
from ems.store.senders import LaneWaits

LANES: tuple[Lane, ...] = ("transactional", "bulk")

MINUTE = 60


@dataclass(slots=True)
class _Second:
    """What happened in one second."""

    asking: float = 0.0
    waits: dict[Lane, list[float]] = field(default_factory=lambda: defaultdict(list))
    refused: Counter[str] = field(default_factory=Counter)
    missed: int = 0
    requests: int = 0


@dataclass(frozen=True, slots=True)
class Watched:
    """The last minute: see :class:`ems.store.senders.SenderReport`, whose fields these are."""

    lanes: dict[str, LaneWaits]
    refused: dict[str, int]
    missed: int
    requests: int
    newest: int
    asking: tuple[int, ...]


class Watch:
    """Safe between threads. *clock* gives epoch seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = Lock()
        self._seconds: dict[int, _Second] = {}
        self._waiting: Counter[Lane] = Counter()
        self._since = clock()

    @contextmanager
    def asking(self, lane: Lane) -> Iterator[None]:
        """Watch a call of *lane* from asking for a slot until it is booked or refused."""
        self._count(lane, 1)
        try:
            yield
        except LeaseError as error:
            with self._lock:
                self._now().refused[error.why] += 1
            raise
        finally:
            self._count(lane, -1)

    def granted(self, lane: Lane, *, wait: float) -> None:
        """Note the seconds from asking until the slot."""
        with self._lock:
            self._now().waits[lane].append(wait)

    def missed(self, recipients: int) -> None:
        """Note a slot that passed before its call could leave."""
        with self._lock:
            self._now().missed += recipients

    def requested(self) -> None:
        """Note a request to the store for slots, granted or not."""
        with self._lock:
            self._now().requests += 1

    def last_minute(self) -> Watched:
        """Add up the last 60 full seconds and the present one."""
        with self._lock:
            self._settle()
            newest = int(self._clock()) - 1
            recent = [second for at, second in self._seconds.items() if at > newest - MINUTE]
            refused = sum((second.refused for second in recent), Counter[str]())
            kept = (self._seconds.get(at) for at in range(newest - KEPT_SECONDS + 1, newest + 1))
            return Watched(
                lanes={lane: self._lane(lane, recent) for lane in LANES},
                refused=dict(refused),
                missed=sum(second.missed for second in recent),
                requests=sum(second.requests for second in recent),
                newest=newest,
                asking=tuple(round(min(second.asking, 1.0) * 1000) if second else 0 for second in kept),
            )

    def _lane(self, lane: Lane, recent: list[_Second]) -> LaneWaits:
        waits = [wait for second in recent for wait in second.waits.get(lane, ())]
        return LaneWaits(
            calls=len(waits),
            seconds=round(sum(waits), 3),
            longest_seconds=round(max(waits, default=0.0), 3),
            waiting=self._waiting[lane],
        )

    def _count(self, lane: Lane, change: int) -> None:
        with self._lock:
            self._settle()
            self._waiting[lane] += change

    def _settle(self) -> None:
        """Write down the time since the last look, if a call waited in it, in the seconds that it touches."""
        now = self._clock()
        start, self._since = max(self._since, now - KEPT_SECONDS), now
        while start < now and any(self._waiting.values()):
            second = int(start)
            end = min(now, second + 1)
            self._at(second).asking += end - start
            start = end

    def _now(self) -> _Second:
        return self._at(int(self._clock()))

    def _at(self, second: int) -> _Second:
        if second not in self._seconds:
            for old in [at for at in self._seconds if at <= second - KEPT_SECONDS]:
                del self._seconds[old]
            self._seconds[second] = _Second()
        return self._seconds[second]
