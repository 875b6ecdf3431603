"""``ems trace``: one mail's story for people and for programs."""

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner, Result
from fakes.sending import batch
from fakes.web import FakeEmails

from ems.cli import main, trace
from ems.errors import UnknownIdError
from ems.history.trace import Happening, Story
from ems.store.batches import ChunkProgress
from ems.store.suppressions import Suppression

STORY = Story(
    mail=replace(FakeEmails.view, chunk=7),
    batch=batch(state="paused", request_id="order-7"),
    chunk=ChunkProgress(done=False, left=3, owner=None, lease_until=0.0, moved_at=1e9),
    suppression=Suppression("ada@example.com", reason="bounce", scope="all", source="ses-event", since=1e9),
    happened=(
        Happening(1e9, "accepted", {"batch_id": "b1"}),
        Happening(1e9 + 1, "event: delivery", {"smtp_response": "250 [ok]", "reason": None}),
    ),
)


class FakeServices:
    """What the command asks for: the story of em-1."""

    @property
    def tracer(self) -> "FakeServices":
        return self

    def story(self, email_id: str) -> Story:
        if email_id != "em-1":
            raise UnknownIdError("email", email_id)
        return STORY


@pytest.fixture(autouse=True)
def _services(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace, "services_of_environment", FakeServices)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["trace", *arguments], env={"COLUMNS": "200"})


def test_people_get_what_it_is_now_and_then_what_happened_in_order() -> None:
    done = run("em-1")
    assert done.exit_code == 0, done.output
    head, _, table = done.stdout.partition("when")
    for words in ("em-1", "delivered", "ada@example.com", "b1: 4 recipients, paused", "7: 3 left, with no sender"):
        assert words in head
    assert "bounce, for all mail" in head
    assert table.index("accepted") < table.index("smtp_response 250 [ok]")
    assert "None" not in done.stdout


def test_programs_get_all_of_it_as_one_object() -> None:
    told = json.loads(run("em-1", "--json").stdout)
    assert told["email"]["email_id"] == "em-1"
    assert (told["batch"]["stopped"], told["chunk"]["left"], told["suppression"]["reason"]) == ("paused", 3, "bounce")
    assert told["happened"][1] == {
        "at": "2001-09-09T01:46:41.000Z",
        "what": "event: delivery",
        "about": {"smtp_response": "250 [ok]", "reason": None},
    }


def test_an_unknown_mail_is_an_error_in_words() -> None:
    done = run("nothing")
    assert (done.exit_code, done.stderr) == (1, "Error: there is no email 'nothing'\n")
