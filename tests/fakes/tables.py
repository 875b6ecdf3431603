"""The tables on moto. Clients are made once a test run: botocore takes a tenth of a second for each."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from fakes.clock import Clock
from moto import mock_aws

from ems.sending.again import ChunkAgain
from ems.sending.chunk_doubts import ChunkDoubts
from ems.sending.doubt_orders import DoubtOrders
from ems.sending.doubt_policy import DoubtPolicy
from ems.sending.guard import ContentGuard
from ems.sending.held_orders import HeldOrders
from ems.sending.ports import QueueSender
from ems.sending.resolve import Resolver
from ems.sending.retry import Retries
from ems.sending.single_doubts import SingleDoubts
from ems.sending.stranded_orders import StrandedOrders
from ems.settings import Settings
from ems.store.again import Again
from ems.store.batches import BatchStore
from ems.store.contents import ContentNotes
from ems.store.doubts import Doubts
from ems.store.held import HeldMails
from ems.store.kept import Kept
from ems.store.ledger import Ledger
from ems.store.parking import Parking
from ems.store.removals import Removals
from ems.store.singles import Singles
from ems.store.tables import Tables, bind
from ems.store.unresolved import UnresolvedChunks

RETENTION_SECONDS = 86_400.0
REGION = "us-east-1"


@contextmanager
def moto_tables() -> Iterator[Tables]:
    """Create the tables in an empty mocked account. moto serves sequential tests only."""
    with mock_aws():
        tables = _bound()
        for model in tables.all():
            model.create_table(wait=False)
        yield tables


def ledger_of(tables: Tables, clock: Clock) -> Ledger:
    """Return a ledger that never waits."""
    return Ledger(tables, retention_seconds=RETENTION_SECONDS, clock=clock, sleep=clock.sleep)


def batches_of(tables: Tables, clock: Clock) -> BatchStore:
    return BatchStore(tables, retention_seconds=RETENTION_SECONDS, clock=clock)


def parking_of(tables: Tables, clock: Clock) -> Parking:
    return Parking(tables, retention_seconds=RETENTION_SECONDS, clock=clock, sleep=clock.sleep)


def singles_of(tables: Tables, clock: Clock) -> Singles:
    return Singles(tables, retention_seconds=RETENTION_SECONDS, clock=clock, sleep=clock.sleep)


def doubts_of(tables: Tables, clock: Clock) -> Doubts:
    return Doubts(tables, clock=clock, sleep=clock.sleep)


def kept_of(tables: Tables, clock: Clock) -> Kept:
    return Kept(tables, retention_seconds=RETENTION_SECONDS, clock=clock)


def held_of(tables: Tables, clock: Clock) -> HeldMails:
    return HeldMails(tables, clock=clock, sleep=clock.sleep)


def again_of(tables: Tables, clock: Clock) -> Again:
    return Again(tables, retention_seconds=RETENTION_SECONDS, clock=clock, sleep=clock.sleep)


def removals_of(tables: Tables, clock: Clock) -> Removals:
    return Removals(tables, retention_seconds=RETENTION_SECONDS, clock=clock, sleep=clock.sleep)


Through = Callable[[Any], Any]
"""Puts something between a store and who calls it."""


def directly(store: Any) -> Any:
    return store


def single_doubts_of(
    tables: Tables, clock: Clock, policy: DoubtPolicy | None = None, *, through: Through = directly
) -> SingleDoubts:
    return SingleDoubts(
        doubts=through(doubts_of(tables, clock)),
        kept=through(kept_of(tables, clock)),
        policy=policy or DoubtPolicy(),
        clock=clock,
    )


def chunk_doubts_of(
    tables: Tables, clock: Clock, policy: DoubtPolicy | None = None, *, through: Through = directly
) -> ChunkDoubts:
    return ChunkDoubts(
        unresolved=through(UnresolvedChunks(tables)),
        doubts=through(doubts_of(tables, clock)),
        again=ChunkAgain(through(again_of(tables, clock))),
        kept=through(kept_of(tables, clock)),
        policy=policy or DoubtPolicy(),
        clock=clock,
    )


def contents_of(tables: Tables, clock: Clock) -> ContentNotes:
    return ContentNotes(tables, retention_seconds=RETENTION_SECONDS, clock=clock, sleep=clock.sleep)


def guard_of(tables: Tables, clock: Clock, *, through: Through = directly) -> ContentGuard:
    return ContentGuard(
        notes=through(contents_of(tables, clock)),
        held=through(held_of(tables, clock)),
        kept=through(kept_of(tables, clock)),
        clock=clock,
    )


def resolver_of(tables: Tables, clock: Clock, queue: QueueSender, *, through: Through = directly) -> Resolver:
    batches, kept = batches_of(tables, clock), through(kept_of(tables, clock))
    again = ChunkAgain(through(again_of(tables, clock)))
    doubts = DoubtOrders(
        batches=batches,
        doubts=through(doubts_of(tables, clock)),
        kept=kept,
        again=again,
        queue=queue,
        policy=DoubtPolicy(),
        clock=clock,
    )
    held = HeldOrders(
        batches=batches, held=through(held_of(tables, clock)), kept=kept, again=again, queue=queue, clock=clock
    )
    unresolved = through(UnresolvedChunks(tables))
    stranded = StrandedOrders(through(singles_of(tables, clock)))
    return Resolver(batches=batches, unresolved=unresolved, kept=kept, doubts=doubts, held=held, stranded=stranded)


def retries_of(tables: Tables, clock: Clock, *, through: Through = directly) -> Retries:
    return Retries(
        batches=batches_of(tables, clock),
        unresolved=through(UnresolvedChunks(tables)),
        failures=through(again_of(tables, clock)),
        kept=through(kept_of(tables, clock)),
        again=ChunkAgain(through(again_of(tables, clock))),
        clock=clock,
    )


@cache
def _bound() -> Tables:
    return bind(Settings(aws_region=REGION))
