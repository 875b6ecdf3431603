"""The main path on moto's DynamoDB, SQS in memory, and fakes for SES and the governor."""

import pytest
from fakes.clock import Clock
from fakes.queues import MemorySqs
from fakes.release import FakeLine, FakeSenders, drainer_of
from fakes.sending import ChunkSize, FakeCampaigns, FakeGovernor, FakeMailer, FakeSuppressions, batch
from fakes.tables import batches_of, parking_of, singles_of

from ems.sending.accept import Acceptance, Limits
from ems.sending.release import Drainer
from ems.sending.waiting import WaitingRoom
from ems.store.batches import BatchStore
from ems.store.drain import DrainStore
from ems.store.parking import Parking
from ems.store.singles import Singles
from ems.store.tables import Tables


@pytest.fixture
def campaigns() -> FakeCampaigns:
    return FakeCampaigns()


@pytest.fixture
def governor() -> FakeGovernor:
    return FakeGovernor()


@pytest.fixture
def mailer(clock: Clock) -> FakeMailer:
    return FakeMailer(clock=clock)


@pytest.fixture
def suppressions() -> FakeSuppressions:
    return FakeSuppressions()


@pytest.fixture
def batches(tables: Tables, clock: Clock) -> BatchStore:
    return batches_of(tables, clock)


@pytest.fixture
def parking(tables: Tables, clock: Clock) -> Parking:
    return parking_of(tables, clock)


@pytest.fixture
def singles(tables: Tables, clock: Clock) -> Singles:
    return singles_of(tables, clock)


@pytest.fixture
def chunk_size() -> ChunkSize:
    return ChunkSize()


@pytest.fixture
def acceptance(
    campaigns: FakeCampaigns,
    singles: Singles,
    batches: BatchStore,
    parking: Parking,
    sqs: MemorySqs,
    chunk_size: ChunkSize,
    clock: Clock,
) -> Acceptance:
    return Acceptance(
        campaigns=campaigns,
        singles=singles,
        batches=batches,
        queue=sqs,
        chunk_size=chunk_size,
        waiting=WaitingRoom(sqs, parking, clock=clock),
        limits=Limits(recipients=200, ahead_seconds=30 * 86_400),
        clock=clock,
    )


@pytest.fixture
def rate() -> FakeLine:
    return FakeLine()


@pytest.fixture
def drain(tables: Tables, clock: Clock) -> DrainStore:
    return DrainStore(tables, clock=clock)


@pytest.fixture
def senders() -> FakeSenders:
    return FakeSenders()


@pytest.fixture
def drainer(
    sqs: MemorySqs,
    batches: BatchStore,
    parking: Parking,
    campaigns: FakeCampaigns,
    drain: DrainStore,
    senders: FakeSenders,
    rate: FakeLine,
    clock: Clock,
) -> Drainer:
    batches.create(batch(total=500))
    return drainer_of(
        sqs=sqs,
        batches=batches,
        campaigns=campaigns,
        parking=parking,
        memory=drain,
        senders=senders,
        rate=lambda: rate,
        clock=clock,
    )
