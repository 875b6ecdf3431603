"""A scenario is data: what is accepted, what strikes where, and what may be in doubt afterwards."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stage.exchange import Act, Spot
from stage.wire import Trap

if TYPE_CHECKING:
    from lab.operator import Operator


@dataclass(frozen=True)
class Load:
    """What a caller hands over: single mails, and one batch.

    ``bounces`` of the batch's recipients bounce for good. ``due_in``: so many seconds ahead lies the batch's time, so
    that its chunks are parked; else they go into the queue. ``ends_after``: the batch is cancelled once SES took so
    many, because sending 50,000 takes minutes at the account's rate. ``every`` is how many seconds pass between two
    single mails.
    """

    singles: int = 0
    bulk: int = 0
    bounces: int = 0
    due_in: float | None = None
    ends_after: int | None = None
    every: float = 0.0


@dataclass(frozen=True)
class Strike:
    """An act at a spot: at the n-th request there, n drawn from *nth* (first and last) by the run's seed."""

    spot: Spot
    act: Act
    nth: tuple[int, int] = (1, 1)
    times: int | None = 1
    chance: float = 1.0

    def trap(self, dice: random.Random) -> Trap:
        """Lay it for one run."""
        return Trap(self.spot, self.act, dice.randint(*self.nth), self.times, self.chance, dice)


@dataclass(frozen=True)
class Sequel:
    """What an operator does once everything has come to rest, and what strikes then; it comes to rest once more.

    ``early``: once the load is settled but for doubts within their window, whose messages are still in a queue.
    """

    act: Callable[["Operator"], None]
    strikes: tuple[Strike, ...] = ()
    early: bool = False


@dataclass(frozen=True)
class Scenario:
    """One row of the table.

    Attributes:
        name: What happens, in words.
        load: What is accepted.
        strikes: What happens on the wire. One that does not strike is a break: the scenario did not take place.
        ses: Faults of the simulator, as :class:`ems.local.simulator.faults.Fault` takes them; each must strike too.
        doubt: How many recipients may be in doubt at the end, because nothing proves that SES took them.
        settings: What the senders are told beside the lab's usual settings.
        deploys: Lines of the Procfile whose processes are replaced, all at once, while the load is sent.
        sequel: What an operator does afterwards.
        short: Whether ``make test`` runs it.
    """

    name: str
    load: Load
    strikes: tuple[Strike, ...] = ()
    ses: tuple[Mapping[str, Any], ...] = ()
    doubt: int = 0
    settings: Mapping[str, str] = field(default_factory=dict)
    deploys: tuple[str, ...] = ()
    sequel: Sequel | None = None
    short: bool = False
