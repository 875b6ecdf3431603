"""The main path on moto's DynamoDB, SQS in memory, and fakes for SES and the governor."""

from collections.abc import Callable

import pytest
from fakes.clock import Clock
from fakes.queues import MemorySqs
from fakes.release import FakeLine, FakeSenders, drainer_of
from fakes.sending import (
    LINKS,
    ChunkSize,
    FakeCampaigns,
    FakeGovernor,
    FakeMailer,
    FakeSuppressions,
    Heard,
    address,
    batch,
)
from fakes.tables import batches_of, chunk_doubts_of, guard_of, ledger_of, parking_of, single_doubts_of, singles_of

from ems.links import UnsubscribeLinks
from ems.sending.accept import Acceptance, Limits
from ems.sending.chunk_doubts import ChunkDoubts
from ems.sending.deliver_chunk import ChunkDelivery, Timing
from ems.sending.deliver_email import EmailDelivery
from ems.sending.doubt_policy import DoubtPolicy, PolicyName
from ems.sending.gate import Gate
from ems.sending.release import Drainer
from ems.sending.waiting import WaitingRoom
from ems.store.batches import BatchStore
from ems.store.drain import DrainStore
from ems.store.ledger import Ledger
from ems.store.parking import Parking
from ems.store.singles import SingleRow, Singles
from ems.store.tables import Tables

Accepting = Callable[..., Acceptance]
"""Makes one, given the size of chunks and of canaries."""


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
def heard() -> Heard:
    return Heard()


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
def links() -> UnsubscribeLinks:
    return LINKS


@pytest.fixture
def accepting(
    campaigns: FakeCampaigns,
    singles: Singles,
    batches: BatchStore,
    parking: Parking,
    sqs: MemorySqs,
    links: UnsubscribeLinks,
    clock: Clock,
) -> Accepting:
    def make(chunk_size: Callable[[], int], *, canary: int = 0) -> Acceptance:
        return Acceptance(
            campaigns=campaigns,
            singles=singles,
            batches=batches,
            queue=sqs,
            chunk_size=chunk_size,
            waiting=WaitingRoom(sqs, parking, clock=clock),
            links=links,
            limits=Limits(recipients=200, ahead_seconds=30 * 86_400, canary=canary),
            clock=clock,
        )

    return make


@pytest.fixture
def acceptance(accepting: Accepting, chunk_size: ChunkSize) -> Acceptance:
    return accepting(chunk_size)


@pytest.fixture
def canary_acceptance(accepting: Accepting) -> Acceptance:
    """The same with canaries of at least thirty recipients, in chunks of twenty."""
    return accepting(lambda: 20, canary=30)


@pytest.fixture
def policy_name() -> PolicyName:
    return "by_kind"


@pytest.fixture
def doubt_policy(policy_name: PolicyName) -> DoubtPolicy:
    return DoubtPolicy(120, policy_name)


@pytest.fixture
def email_delivery(  # noqa: PLR0913, PLR0917 - each of them is a part of delivering
    singles: Singles,
    suppressions: FakeSuppressions,
    governor: FakeGovernor,
    mailer: FakeMailer,
    heard: Heard,
    doubt_policy: DoubtPolicy,
    links: UnsubscribeLinks,
    tables: Tables,
    clock: Clock,
) -> EmailDelivery:
    """What delivers the accepted mail e1."""
    singles.create(SingleRow("e1", "welcome", "transactional", address(0), "print"))
    return EmailDelivery(
        singles=singles,
        suppressions=suppressions,
        guard=guard_of(tables, clock),
        governor=governor,
        mailer=mailer,
        doubts=single_doubts_of(tables, clock, doubt_policy),
        links=links,
        configuration_set="ems",
        call_seconds=20,
        watch=heard,
        clock=clock,
    )


@pytest.fixture
def ledger(tables: Tables, clock: Clock) -> Ledger:
    return ledger_of(tables, clock)


@pytest.fixture
def gate(batches: BatchStore, parking: Parking, clock: Clock) -> Gate:
    """What lets the chunks of the accepted batch b1 pass."""
    batches.create(batch())
    return Gate(batches, parking, clock=clock)


@pytest.fixture
def chunk_doubts(tables: Tables, clock: Clock, doubt_policy: DoubtPolicy) -> ChunkDoubts:
    return chunk_doubts_of(tables, clock, doubt_policy)


@pytest.fixture
def timing() -> Timing:
    return Timing(slice_seconds=30, lease_seconds=120, call_seconds=23)


@pytest.fixture
def chunk_delivery(  # noqa: PLR0913, PLR0917 - each of them is a part of delivering
    tables: Tables,
    gate: Gate,
    suppressions: FakeSuppressions,
    governor: FakeGovernor,
    mailer: FakeMailer,
    heard: Heard,
    chunk_doubts: ChunkDoubts,
    links: UnsubscribeLinks,
    timing: Timing,
    clock: Clock,
) -> ChunkDelivery:
    """What delivers chunks of the accepted batch b1."""
    return ChunkDelivery(
        ledger=ledger_of(tables, clock),
        gate=gate,
        suppressions=suppressions,
        guard=guard_of(tables, clock),
        governor=governor,
        mailer=mailer,
        doubts=chunk_doubts,
        links=links,
        configuration_set="ems",
        timing=timing,
        watch=heard,
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
