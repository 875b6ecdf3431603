"""Which mails an export holds, read from the real tables."""

from collections.abc import Iterator

import pytest
from fakes.clock import Clock
from fakes.sending import CAMPAIGN, batch
from fakes.tables import batches_of
from fakes.web import FakeCampaignStore

from ems.errors import UnknownIdError
from ems.history.exports import Exports
from ems.sending.emails import Emails, EmailView
from ems.store.email_pages import EmailPages
from ems.store.emails import campaign_shard
from ems.store.status import Status
from ems.store.tables import Tables

NOBODY: dict[str, str] = {}


def put(tables: Tables, email_id: str, **attributes: object) -> None:
    given = {"campaign_id": "welcome", "recipient": "ada@example.com", "send_status": "sent", **attributes}
    tables.emails(email_id, campaign_shard=campaign_shard("welcome", email_id), **given).save()


@pytest.fixture
def campaigns() -> FakeCampaignStore:
    return FakeCampaignStore()


@pytest.fixture
def exports(tables: Tables, campaigns: FakeCampaignStore, clock: Clock) -> Exports:
    batches = batches_of(tables, clock)
    batches.create(batch())
    return Exports(Emails(EmailPages(tables), pending_status=NOBODY.get), campaigns, batches)


def ids(export: Iterator[list[EmailView]]) -> list[str]:
    return sorted(mail.email_id for mails in export for mail in mails)


def test_a_campaigns_export_holds_each_of_its_mails_once(exports: Exports, tables: Tables) -> None:
    expected = [f"em-{number:02d}" for number in range(40)]
    for email_id in expected:
        put(tables, email_id)
    tables.emails("em-other", campaign_shard=campaign_shard("other", "em-other"), send_status="sent").save()

    assert ids(exports.campaign("welcome")) == expected


def test_an_export_of_one_status_goes_by_the_status_that_is_shown(exports: Exports, tables: Tables) -> None:
    put(tables, "em-1", event_status="bounced")
    put(tables, "em-2")

    assert ids(exports.campaign("welcome", status=Status.BOUNCED)) == ["em-1"]
    assert ids(exports.campaign("welcome", status=Status.FAILED)) == []


def test_a_batchs_export_leaves_out_the_campaigns_other_mails(exports: Exports, tables: Tables) -> None:
    for email_id in ("b1-000000", "b1-000007", "b12-000000", "em-1"):
        put(tables, email_id)

    assert ids(exports.batch("b1")) == ["b1-000000", "b1-000007"]
    assert ids(exports.subject("b1")) == ["b1-000000", "b1-000007"]
    assert len(ids(exports.subject("welcome"))) == 4


def test_a_mail_is_exported_with_what_became_of_it(exports: Exports, tables: Tables) -> None:
    put(
        tables,
        "em-1",
        event_status="bounced",
        message_id="m-1",
        reason="no such user",
        sent_at=1e9,
        moments={"bounce": {"first": 1e9, "last": 1e9, "count": 1}},
    )

    [mail] = next(exports.campaign("welcome"))

    assert (mail.status, mail.message_id, mail.reason, mail.sent_at) == (Status.BOUNCED, "m-1", "no such user", 1e9)
    assert mail.moments["bounce"]["count"] == 1


@pytest.mark.parametrize("identifier", ["nothing", "x" * 300])
def test_an_id_that_nothing_has_is_an_error_before_anything_is_written(exports: Exports, identifier: str) -> None:
    for export in (exports.campaign, exports.batch, exports.subject):
        with pytest.raises(UnknownIdError):
            export(identifier)


def test_a_campaign_without_mails_is_an_empty_export(exports: Exports, campaigns: FakeCampaignStore) -> None:
    campaigns.insert(CAMPAIGN)

    assert ids(exports.campaign(CAMPAIGN.campaign_id)) == []


def test_a_campaign_that_was_deleted_can_be_exported_while_there_are_mails_of_it(
    exports: Exports, tables: Tables
) -> None:
    put(tables, "em-1")

    assert ids(exports.campaign("welcome")) == ["em-1"]
