"""Bulk mail where the setting is missing that its links need."""

from dataclasses import replace

import pytest
from fakes.queues import MemorySqs
from fakes.sending import CAMPAIGN, FakeCampaigns, FakeMailer, chunk, entry, single

from ems.errors import UnavailableError
from ems.links import UnsubscribeLinks
from ems.sending.accept import Acceptance
from ems.sending.deliver_chunk import ChunkDelivery
from ems.sending.deliver_email import EmailDelivery
from ems.sending.outcomes import Finished
from ems.sending.requests import BulkRequest, Caller, SingleRequest
from ems.store.batches import BatchStore
from ems.store.tables import Tables

CALLER = Caller("key-1")


@pytest.fixture
def links() -> UnsubscribeLinks:
    return UnsubscribeLinks([], public_url="https://ems.example.com", missing="EMS_UNSUBSCRIBE_SECRETS is not set")


def test_none_is_accepted_and_the_error_names_the_setting(
    acceptance: Acceptance, sqs: MemorySqs, tables: Tables
) -> None:
    with pytest.raises(UnavailableError, match="EMS_UNSUBSCRIBE_SECRETS is not set"):
        acceptance.single(SingleRequest("welcome", "ada@example.com", data={"name": "Ada"}), CALLER)
    with pytest.raises(UnavailableError, match="EMS_UNSUBSCRIBE_SECRETS is not set"):
        acceptance.bulk(BulkRequest("welcome", [entry(0)]), CALLER)
    assert not sqs.queues
    assert not [*tables.emails.scan(), *tables.batches.scan()]


def test_what_was_accepted_before_waits_untouched(
    chunk_delivery: ChunkDelivery, email_delivery: EmailDelivery, mailer: FakeMailer, batches: BatchStore
) -> None:
    with pytest.raises(UnavailableError):
        chunk_delivery.deliver(chunk(4))
    with pytest.raises(UnavailableError):
        email_delivery.deliver(single("e1", kind="bulk"))
    assert mailer.calls == []
    assert batches.chunks([("b1", 0)]) == {}


def test_a_cancelled_batch_ends_all_the_same(chunk_delivery: ChunkDelivery, batches: BatchStore) -> None:
    batches.move("b1", "cancelled", allowed=("waiting",))
    assert chunk_delivery.deliver(chunk(4)) == Finished()
    assert batches.progress("b1").counts["cancelled"] == 4


def test_transactional_mail_is_accepted_and_sent(
    acceptance: Acceptance, campaigns: FakeCampaigns, email_delivery: EmailDelivery, mailer: FakeMailer
) -> None:
    campaigns.campaigns["welcome"] = replace(CAMPAIGN, kind="transactional")
    acceptance.single(SingleRequest("welcome", "ada@example.com", data={"name": "Ada"}), CALLER)
    assert email_delivery.deliver(single("e1")) == Finished()
    assert mailer.taken == {"e1": 1}
