"""``ems emails``: finding mails and writing them into files."""

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from fakes.web import FakeEmails, FakeExports

from ems.cli import emails, main
from ems.errors import UnavailableError
from ems.store.status import Status

OUTAGE = UnavailableError("DynamoDB", "cannot list mails")


class FakeServices:
    """What the commands ask for."""

    def __init__(self) -> None:
        self.emails = FakeEmails()
        self.exports = FakeExports()


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> FakeServices:
    fakes = FakeServices()
    monkeypatch.setattr(emails, "services_of_environment", lambda: fakes)
    return fakes


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["emails", *arguments], env={"COLUMNS": "200"})


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        (["--message-id", "m-1"], ("message", "m-1", 50, None)),
        (["--campaign", "welcome"], ("campaign", "welcome", None, 50, None)),
        (["--campaign", "welcome", "--status", "bounced"], ("campaign", "welcome", Status.BOUNCED, 50, None)),
    ],
)
def test_mails_are_found_by_one_thing(services: FakeServices, arguments: list[str], asked: tuple[object, ...]) -> None:
    done = run(*arguments)
    assert done.exit_code == 0, done.output
    assert services.emails.asked == [asked]
    for word in ("em-1", "delivered", "ada@example.com", "welcome", "2001-09-09 01:46:40 UTC"):
        assert word in done.stdout


def test_pages_are_read_until_there_are_enough_mails(services: FakeServices) -> None:
    done = run("--recipient", "ada@example.com", "--limit", "3")
    assert [(limit, cursor) for _, _, limit, cursor in services.emails.asked] == [(3, None), (2, "more"), (1, "more")]
    assert "and more" in done.stderr


@pytest.mark.usefixtures("services")
def test_machines_get_each_mail_as_the_api_answers_it() -> None:
    [line] = run("--message-id", "m-1", "--json").stdout.splitlines()
    mail = json.loads(line)
    assert (mail["email_id"], mail["created_at"]) == ("em-1", "2001-09-09T01:46:40Z")
    assert mail["timeline"][0]["type"] == "delivery"


@pytest.mark.usefixtures("services")
@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--campaign", "welcome", "--recipient", "ada@example.com"],
        ["--message-id", "m-1", "--status", "sent"],
        ["--campaign", "welcome", "--status", "flying"],
        ["--campaign", "welcome", "export", "welcome"],
    ],
)
def test_questions_that_make_no_sense_are_refused(arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


def test_a_campaign_is_written_to_standard_output(services: FakeServices) -> None:
    done = run("export", "welcome", "--status", "delivered")
    assert done.exit_code == 0, done.output
    assert [row["email_id"] for row in csv.DictReader(done.stdout.splitlines())] == ["em-0", "em-1"]
    assert services.exports.asked == [("welcome", Status.DELIVERED)]


@pytest.mark.usefixtures("services")
def test_a_batch_is_written_into_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mails.ndjson"
    done = run("export", "ba-1", "--format", "ndjson", "-o", str(path))
    assert (done.exit_code, done.output) == (0, "")
    assert [json.loads(line)["email_id"] for line in path.read_text().splitlines()] == ["em-0", "em-1"]
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_finished_never_gets_its_name(services: FakeServices, tmp_path: Path) -> None:
    services.exports.fails = OUTAGE
    path = tmp_path / "mails.csv"
    path.write_text("of yesterday")
    done = run("export", "welcome", "-o", str(path))
    assert done.exit_code == 1
    assert str(OUTAGE) in done.stderr
    assert path.read_text() == "of yesterday"
    assert (tmp_path / "mails.csv.part").read_text().splitlines()[-1] == f"#incomplete,{OUTAGE}"


@pytest.mark.usefixtures("services")
def test_an_unknown_subject_and_a_place_that_is_none_are_told_to_people(tmp_path: Path) -> None:
    unknown = run("export", "nothing", "-o", str(tmp_path / "mails.csv"))
    assert (unknown.exit_code, "no campaign 'nothing'" in unknown.stderr) == (1, True)
    assert list(tmp_path.iterdir()) == []
    nowhere = run("export", "welcome", "-o", str(tmp_path / "none" / "mails.csv"))
    assert (nowhere.exit_code, "No such file or directory" in nowhere.stderr) == (1, True)
