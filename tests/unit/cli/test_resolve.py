"""``ems resolve`` and ``ems retry``: they say how many before they do anything."""

import pytest
from click.testing import CliRunner
from fakes.web import FakeResolver, FakeRetries

from ems.cli import main, resolve, retry
from ems.sending.resolve import Order, Resolution


class FakeServices:
    """What the commands ask for."""

    def __init__(self) -> None:
        self.resolver = FakeResolver()
        self.retries = FakeRetries()


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> FakeServices:
    fakes = FakeServices()
    for module in (resolve, retry):
        monkeypatch.setattr(module, "services_of_environment", lambda: fakes)
    return fakes


def run(*arguments: str, answer: str = "") -> str:
    done = CliRunner().invoke(main, arguments, input=answer)
    assert done.exit_code == 0, done.output
    return done.output


def test_a_dry_run_says_how_many_and_changes_nothing(services: FakeServices) -> None:
    said = run("resolve", "failed", "ba-1", "--dry-run")
    assert said == "2 in doubt to be given up; 1 still within the window in which an event may settle them\n"
    assert run("retry", "ba-1", "--dry-run") == "3 failed for a reason that may pass\n"
    assert [order.dry_run for _, order in services.resolver.orders] == [True]
    assert services.retries.asked == [("ba-1", "the command line", True)]


@pytest.mark.parametrize(("answer", "orders", "asked"), [("y\n", 2, 2), ("n\n", 1, 1)])
def test_they_ask_before_they_act(services: FakeServices, answer: str, orders: int, asked: int) -> None:
    run("resolve", "resend", "ba-1", answer=answer)
    run("retry", "ba-1", answer=answer)
    assert (len(services.resolver.orders), len(services.retries.asked)) == (orders, asked)


def test_yes_is_an_answer(services: FakeServices) -> None:
    assert "go out again" in run("retry", "ba-1", "--yes")
    run("resolve", "sent", "ba-1", "--yes")
    assert services.resolver.orders[-1] == ("ba-1", Order("sent", "the command line"))


def test_all_that_is_held_is_decided_about_at_once(services: FakeServices) -> None:
    assert run("resolve", "sent", "--all", "--yes").startswith("9 in doubt to be taken as sent")
    assert [subject for subject, _ in services.resolver.orders] == ["everything", "everything"]


def test_one_says_what_it_is_about(services: FakeServices) -> None:
    for arguments in (["resolve", "sent"], ["resolve", "sent", "ba-1", "--all"]):
        assert CliRunner().invoke(main, arguments).exit_code == 2
    assert services.resolver.orders == []
    assert Resolution(decided=1) + Resolution(decided=2, proven=1) == Resolution(decided=3, proven=1)


def test_possible_duplicates_have_words_of_their_own(services: FakeServices) -> None:
    assert run("resolve", "drop", "ba-1", "--dry-run").startswith("2 held to be dropped")
    assert "2 sent, though they may be duplicates" in run("resolve", "release", "ba-1", "--yes")
    assert services.resolver.orders[-1] == ("ba-1", Order("release", "the command line"))
