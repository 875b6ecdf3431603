"""Campaigns on the real table, with a fake SES."""

from dataclasses import replace

import pytest
from fakes.web import FakeTemplates

from ems.errors import ConflictError, InvalidError, UnavailableError, UnknownIdError
from ems.sending.campaigns import CampaignDraft, Campaigns, template_name
from ems.sending.templates import TemplateParts
from ems.store.breakers import AccountBreakers, Mark, Marks, Tally
from ems.store.campaigns import CampaignStore
from ems.store.tables import Tables

DRAFT = CampaignDraft(
    name="Welcome",
    kind="bulk",
    sender="Shöp <shop@example.com>",
    reply_to=("help@example.com",),
    template=TemplateParts("Hi {{name}}", html="<p>{{code}}</p>"),
)


@pytest.fixture
def ses() -> FakeTemplates:
    return FakeTemplates()


@pytest.fixture
def campaigns(tables: Tables, ses: FakeTemplates) -> Campaigns:
    ticks = iter(range(1_000_000_000, 1_000_001_000))
    return Campaigns(CampaignStore(tables), ses, AccountBreakers(tables), clock=lambda: float(next(ticks)))


def test_a_campaign_reads_back_as_it_was_created(campaigns: Campaigns) -> None:
    created = campaigns.create(DRAFT, campaign_id="welcome")

    assert campaigns.get("welcome") == created
    assert created.variables == ("name", "code")
    assert created.active
    assert campaigns.template(created) == DRAFT.template


def test_the_link_of_bulk_mail_is_no_variable_that_callers_must_give(campaigns: Campaigns) -> None:
    template = TemplateParts(subject="News", text="{{name}} {{unsubscribe_url}}")
    assert campaigns.create(replace(DRAFT, template=template)).variables == ("name",)
    theirs = campaigns.create(replace(DRAFT, template=template, kind="transactional"))
    assert theirs.variables == ("name", "unsubscribe_url")


def test_many_campaigns_are_read_at_once_and_missing_ones_left_out(campaigns: Campaigns, tables: Tables) -> None:
    one = campaigns.create(DRAFT, campaign_id="one")
    two = campaigns.create(DRAFT, campaign_id="two")
    store = CampaignStore(tables)

    assert store.read_many(["one", "two", "three", "one"]) == {"one": one, "two": two}
    assert store.read_many([]) == {}


def test_without_ses_there_is_no_row_either(campaigns: Campaigns, ses: FakeTemplates) -> None:
    ses.fails = UnavailableError("SES", "down")

    with pytest.raises(UnavailableError):
        campaigns.create(DRAFT, campaign_id="welcome")

    with pytest.raises(UnknownIdError):
        campaigns.get("welcome")


def test_an_update_of_the_template_makes_a_version_under_a_new_name(campaigns: Campaigns, ses: FakeTemplates) -> None:
    first = campaigns.create(DRAFT, campaign_id="welcome")
    second = campaigns.update("welcome", replace(DRAFT, template=TemplateParts("Hello {{name}}", text="x")))

    assert (second.template_version, second.variables, second.created_at) == (2, ("name",), first.created_at)
    assert second.template_name != first.template_name
    assert set(ses.created) == {first.template_name, second.template_name}
    assert campaigns.get("welcome") == second


def test_an_update_of_the_rest_keeps_the_template(campaigns: Campaigns, ses: FakeTemplates) -> None:
    first = campaigns.create(DRAFT, campaign_id="welcome")
    second = campaigns.update("welcome", replace(DRAFT, name="Hello"))

    assert (second.name, second.template_name, second.template_version) == ("Hello", first.template_name, 1)
    assert len(ses.created) == 1


def test_a_campaign_created_anew_under_an_old_id_leaves_the_old_template_alone(
    campaigns: Campaigns, ses: FakeTemplates
) -> None:
    old = campaigns.create(DRAFT, campaign_id="welcome")
    before = ses.created[old.template_name]
    campaigns.delete("welcome")
    campaigns.create(replace(DRAFT, template=TemplateParts("Other", text="x")), campaign_id="welcome")

    assert ses.created[old.template_name] == before


def test_of_two_updates_at_once_one_is_told_to_look_again(campaigns: Campaigns, tables: Tables) -> None:
    campaigns.create(DRAFT, campaign_id="welcome")
    store = CampaignStore(tables)

    class Meanwhile(FakeTemplates):
        def create(self, name: str, *, subject: str, html: str | None, text: str | None) -> None:
            campaigns.update("welcome", replace(DRAFT, name="quicker"))
            super().create(name, subject=subject, html=html, text=text)

    with pytest.raises(ConflictError, match="same moment"):
        Campaigns(store, Meanwhile(), AccountBreakers(tables)).update(
            "welcome", replace(DRAFT, template=TemplateParts("slow", text="x"))
        )
    assert campaigns.get("welcome").name == "quicker"


def test_of_two_creations_at_once_one_is_told_that_the_id_is_taken(campaigns: Campaigns, tables: Tables) -> None:
    class Meanwhile(FakeTemplates):
        def create(self, name: str, *, subject: str, html: str | None, text: str | None) -> None:
            campaigns.create(replace(DRAFT, name="quicker"), campaign_id="welcome")
            super().create(name, subject=subject, html=html, text=text)

    with pytest.raises(ConflictError, match="already"):
        Campaigns(CampaignStore(tables), Meanwhile(), AccountBreakers(tables)).create(DRAFT, campaign_id="welcome")
    assert campaigns.get("welcome").name == "quicker"


def test_a_campaign_is_paused_with_a_reason_and_resumed_without(campaigns: Campaigns) -> None:
    campaigns.create(DRAFT, campaign_id="welcome")

    paused = campaigns.pause("welcome", reason="wrong code")
    assert (paused.state, paused.state_reason) == ("paused_by_operator", "wrong code")
    assert campaigns.update("welcome", replace(DRAFT, name="x")).state == "paused_by_operator"

    resumed = campaigns.resume("welcome", by="me")
    assert (resumed.active, resumed.state_reason) == (True, None)
    assert resumed.resumed_at == resumed.updated_at
    assert campaigns.get("welcome") == resumed


@pytest.fixture
def tripped(campaigns: Campaigns, tables: Tables) -> CampaignStore:
    """Where the campaign welcome is paused by the breaker, which counts since 1,000 mails."""
    store, mark = CampaignStore(tables), Mark(1e9, Tally(1000, 3, 2, 990))
    seen = campaigns.create(DRAFT, campaign_id="welcome")
    assert store.remember(seen, Marks(mark, mark))
    AccountBreakers(tables).note("welcome")
    assert store.trip(seen, "6 % bounced", at=1_000_000_100.0)
    return store


def test_an_edit_leaves_a_campaign_paused_by_the_breaker_and_its_numbers(
    campaigns: Campaigns, tripped: CampaignStore
) -> None:
    edited = campaigns.update("welcome", replace(DRAFT, name="x"))
    assert (edited.state, edited.state_reason) == ("paused_by_breaker", "6 % bounced")
    assert edited.marks == Marks(Mark(1e9, Tally(1000, 3, 2, 990)), Mark(1e9, Tally(1000, 3, 2, 990)))
    assert tripped.read("welcome") == edited


@pytest.mark.parametrize("how", ["resume", "PUT"])
def test_a_resumed_campaign_is_counted_anew_and_no_longer_listed(
    campaigns: Campaigns, tripped: CampaignStore, tables: Tables, how: str
) -> None:
    if how == "resume":
        campaigns.resume("welcome", by="me")
    else:
        campaigns.update("welcome", DRAFT, state="active")
    resumed = tripped.read("welcome")
    assert resumed is not None
    assert (resumed.active, resumed.marks) == (True, None)
    assert resumed.resumed_at is not None
    assert AccountBreakers(tables).read().campaigns == frozenset()


def test_an_edit_that_says_active_of_an_active_campaign_does_not_make_its_numbers_begin_anew(
    campaigns: Campaigns, tables: Tables
) -> None:
    mark = Mark(1e9, Tally(10, 1, 0, 9))
    assert CampaignStore(tables).remember(campaigns.create(DRAFT, campaign_id="welcome"), Marks(mark, mark))
    edited = campaigns.update("welcome", DRAFT, state="active")
    assert (edited.marks, edited.resumed_at) == (Marks(mark, mark), None)


def test_a_deleted_campaign_is_no_longer_listed_as_paused(
    campaigns: Campaigns, tripped: CampaignStore, tables: Tables
) -> None:
    campaigns.delete("welcome")
    assert tripped.read("welcome") is None
    assert AccountBreakers(tables).read().campaigns == frozenset()


def test_the_breaker_neither_pauses_what_an_operator_paused_nor_what_was_resumed_meanwhile(
    campaigns: Campaigns, tables: Tables
) -> None:
    store = CampaignStore(tables)
    seen = campaigns.create(DRAFT, campaign_id="welcome")
    campaigns.pause("welcome", reason="mine")
    assert not store.trip(seen, "6 % bounced", at=1e9)
    assert campaigns.get("welcome").state_reason == "mine"
    campaigns.resume("welcome", by="me")
    assert not store.trip(seen, "6 % bounced", at=1e9)
    assert campaigns.get("welcome").active


def test_a_template_too_large_for_the_row_is_read_from_ses(campaigns: Campaigns) -> None:
    large = TemplateParts("Hi", html="x" * 400_000)
    campaigns.create(replace(DRAFT, template=large), campaign_id="large")

    stored = campaigns.get("large")

    assert not stored.template_is_inline
    assert campaigns.template(stored) == large


def test_campaigns_are_listed_page_by_page(campaigns: Campaigns) -> None:
    ids = {campaigns.create(DRAFT).campaign_id for _ in range(5)}
    seen: list[str] = []
    cursor = None
    while True:
        page = campaigns.page(limit=2, cursor=cursor)
        seen += [one.campaign_id for one in page.items]
        assert len(page.items) <= 2
        cursor = page.next
        if cursor is None:
            break

    assert (len(seen), set(seen)) == (5, ids)


def test_a_cursor_of_another_listing_is_refused(campaigns: Campaigns) -> None:
    with pytest.raises(InvalidError) as caught:
        campaigns.page(limit=2, cursor="WyJlbWFpbHMiLCJ4Il0")

    assert caught.value.field == "cursor"


@pytest.mark.parametrize("campaign_id", ["", "a b", "a/b", "x" * 65, "ü", "x" * 3000])
def test_an_id_that_cannot_be_is_unknown_and_cannot_be_created(campaigns: Campaigns, campaign_id: str) -> None:
    with pytest.raises(UnknownIdError):
        campaigns.get(campaign_id)
    with pytest.raises(UnknownIdError):
        campaigns.delete(campaign_id)
    with pytest.raises(InvalidError):
        campaigns.create(DRAFT, campaign_id=campaign_id)


def test_template_names_fit_ses_and_tell_campaigns_and_contents_apart() -> None:
    ids = ["a", "x" * 35, "x" * 36, "x" * 64, "x" * 63 + "y"]
    names = [
        template_name(one, 1_000_000, part) for one in ids for part in (DRAFT.template, TemplateParts("s", text="t"))
    ]

    assert len(set(names)) == len(names)
    assert all(len(name) <= 64 for name in names)
    assert names[0].startswith("ems-a-v1000000-")
