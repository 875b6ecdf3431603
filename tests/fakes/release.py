"""What releasing stands on, as fakes, and a drainer put together of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fakes.queues import VISIBILITY_SECONDS, MemorySqs
from fakes.sending import chunk

from ems import queues
from ems.sending.drawer import Drawer
from ems.sending.lines import Lines
from ems.sending.payloads import ChunkLabel
from ems.sending.ports import DrainRate
from ems.sending.release import Drainer, Protector, Tick
from ems.sending.unsent import Unsent
from ems.store.chunk_state import chunk_item
from ems.store.senders import SenderReport
from ems.store.tables import Tables


@dataclass
class FakeLine:
    """The governor's status, as far as the drainer and a batch's view ask for it."""

    effective_rate: float = 100.0
    quota_left_for_bulk: int | None = None
    bulk_waits_for: Any = None
    bulk_waits_until: float | None = None


@dataclass
class FakeSenders:
    """Processes by when they last reported; counts how often it is asked."""

    reported: dict[str, float] = field(default_factory=dict)
    asked: int = 0

    def read(self, *, newer_than: float) -> list[SenderReport]:
        self.asked += 1
        return [SenderReport(process=name, at=at) for name, at in self.reported.items() if at > newer_than]


class NoProtection:
    """Lets everything go."""

    def inspect(self, lines: Lines) -> None:
        """Do nothing."""


def drainer_of(  # noqa: PLR0913 - each of them is a part of releasing
    *,
    sqs: Any,
    batches: Any,
    campaigns: Any,
    parking: Any,
    memory: Any,
    senders: Any,
    rate: Callable[[], DrainRate],
    clock: Callable[[], float],
    protection: Protector | None = None,
    without_erased: Callable[[Mapping[int, str]], Mapping[int, str]] = dict,
) -> Drainer:
    """Put a drainer together, as the wiring does."""
    return Drainer(
        drawer=Drawer(
            sqs=sqs, batches=batches, campaigns=campaigns, parking=parking, without_erased=without_erased, clock=clock
        ),
        unsent=Unsent(batches, senders, sqs, visibility_seconds=VISIBILITY_SECONDS, clock=clock),
        memory=memory,
        protection=protection or NoProtection(),
        rate=rate,
        release_seconds=2.0,
        clock=clock,
    )


def put(
    sqs: MemorySqs, number: int, *, queue: str = queues.WAIT, batch_id: str = "b1", size: int = 50, **changes: Any
) -> None:
    """Put *number* chunks into a queue, the waiting queue unless another is named."""
    sqs.send(queue, [chunk(size, batch_id=batch_id, number=n, **changes).message() for n in range(number)])


def labels(sqs: MemorySqs, queue: str) -> list[tuple[str, int]]:
    """Return batch id and number of the chunks in a queue."""
    return [(label.batch_id, label.chunk) for label in map(ChunkLabel.of_body, sqs.bodies(queue))]


def finish(tables: Tables, *chunks: int, batch_id: str = "b1") -> None:
    """Let the senders be done with these chunks of a batch."""
    for number in chunks:
        tables.batches(batch_id, chunk_item(number), state="done", sent=50, size=50).save()


def tick(drainer: Drainer) -> Tick:
    """Run a tick that must have the lease."""
    done = drainer.tick()
    assert done is not None
    return done
