"""``ems breaker``: what it says, what it changes, and the exit code that scripts go by."""

from dataclasses import dataclass, field

import pytest
from click.testing import CliRunner, Result
from fakes.breaker import FakeBreakers
from fakes.web import FakeCampaignStore, FakeTemplates

from ems.cli import breaker, main
from ems.sending.breaker_view import BreakerDesk
from ems.sending.campaigns import CampaignDraft, Campaigns
from ems.sending.templates import TemplateParts


@dataclass
class FakeServices:
    """What the commands ask for."""

    breakers: FakeBreakers = field(default_factory=FakeBreakers)
    store: FakeCampaignStore = field(default_factory=FakeCampaignStore)

    @property
    def breaker_desk(self) -> BreakerDesk:
        return self.breakers.desk()

    @property
    def campaigns(self) -> Campaigns:
        return Campaigns(self.store, FakeTemplates(), self.breakers, clock=lambda: 2e9)  # type: ignore[arg-type]


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> FakeServices:
    services = FakeServices()
    monkeypatch.setattr(breaker, "services_of_environment", lambda: services)
    return services


def run(*arguments: str, said: str = "") -> Result:
    return CliRunner().invoke(main, ["breaker", *arguments], input=said)


@pytest.mark.usefixtures("services")
def test_it_says_that_nothing_is_paused() -> None:
    shown = run("show")
    assert shown.exit_code == 0
    assert "bulk mail may go out" in shown.stdout
    assert "no campaign is paused by the breaker" in shown.stdout


def test_it_says_what_is_paused_and_exits_with_one(services: FakeServices) -> None:
    services.breakers.trip("6 % bounced")
    shown = run("show")
    assert shown.exit_code == 1
    assert "since 2001-09-09 01:46:40 UTC: 6 % bounced" in shown.stdout
    assert "12 hard bounces: 1.20%, the limit is 5.00%" in shown.stdout
    assert "1 complaints: 0.10%, the limit is 0.10%" in shown.stdout
    assert "9 % bounced" in shown.stdout


def test_all_bulk_mail_is_resumed_when_one_says_so(services: FakeServices) -> None:
    services.breakers.trip("6 % bounced")
    assert run("resume", "--all-bulk", said="n\n").exit_code == 0
    assert services.breakers.account.tripped
    assert "all bulk mail goes on" in run("resume", "--all-bulk", said="y\n").stdout
    assert not services.breakers.account.tripped


def test_a_campaign_is_resumed(services: FakeServices) -> None:
    draft = CampaignDraft("Spring", "bulk", "shop@example.com", TemplateParts("Hi", text="x"))
    services.campaigns.create(draft, campaign_id="spring")
    services.campaigns.pause("spring", reason="typo")
    done = run("resume", "spring", "--yes")
    assert done.exit_code == 0
    assert done.stdout.startswith("paused_by_operator: typo\n")
    assert done.stdout.endswith("it goes on\n")
    assert services.campaigns.get("spring").active
    assert run("resume", "nobody", "--yes").exit_code == 1


@pytest.mark.usefixtures("services")
@pytest.mark.parametrize("arguments", [(), ("spring", "--all-bulk")])
def test_it_wants_either_a_campaign_or_all(arguments: tuple[str, ...]) -> None:
    assert run("resume", *arguments).exit_code == 2
