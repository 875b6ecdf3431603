"""``ems erase``: it asks, works until the first look is over, and says what is left."""

from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result
from fakes.erasure import ADA, SETTLE_SECONDS, World

from ems.cli import erase, main
from ems.erasure.eraser import Eraser
from ems.errors import UnavailableError
from ems.store.tables import Tables


class FakeServices:
    """What the command asks for."""

    def __init__(self, world: World) -> None:
        self.world = world

    @property
    def eraser(self) -> Eraser:
        return self.world.eraser()


@pytest.fixture
def world(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    world = World(tables)
    monkeypatch.setattr(erase, "services_of_environment", lambda: FakeServices(world))
    monkeypatch.setattr(erase.time, "sleep", lambda _seconds: world.clock.advance(SETTLE_SECONDS))
    world.sent_batch(3)
    return world


def run(*arguments: str, said: str = "") -> Result:
    return CliRunner().invoke(main, ["erase", *arguments], input=said)


def test_it_says_what_it_would_do_and_asks(world: World) -> None:
    assert run(ADA, said="n\n").exit_code == 0
    assert ADA in world.everything()


def test_it_erases_and_leaves_the_second_look_to_control(world: World) -> None:
    done = run(ADA.title(), said="y\n")
    assert done.exit_code == 0, done.output
    assert "1 mails and 0 messages at rest name it no more" in done.stdout
    assert "control looks once more after" in done.stdout
    world.clock.advance(SETTLE_SECONDS)
    world.eraser().tick(seconds=60)
    assert ADA not in world.everything()


def test_it_may_wait_until_all_is_done(world: World) -> None:
    done = run(ADA, "--yes", "--wait")
    assert (done.exit_code, "control" in done.stdout) == (0, False)
    assert ADA not in world.everything()


def test_what_keeps_it_from_going_on_is_an_error_with_its_name(world: World) -> None:
    world.ses.down = UnavailableError("SES", "AccessDenied")
    done = run(ADA, "--yes", "--wait")
    assert (done.exit_code, "not finished: SES is not available: AccessDenied" in done.stderr) == (1, True)


@pytest.mark.usefixtures("world")
def test_what_is_no_address_is_an_error() -> None:
    assert run("nobody", "--yes").exit_code == 1
