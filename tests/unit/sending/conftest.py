"""The main path on moto's DynamoDB, SQS in memory, and fakes for SES and the governor."""

import pytest
from fakes.clock import Clock
from fakes.queues import MemorySqs
from fakes.sending import ChunkSize, FakeCampaigns, FakeGovernor, FakeMailer, FakeSuppressions
from fakes.tables import batches_of, singles_of

from ems.sending.accept import Acceptance
from ems.store.batches import BatchStore
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
        max_recipients=200,
        max_ahead_seconds=30 * 86_400,
        clock=clock,
    )
