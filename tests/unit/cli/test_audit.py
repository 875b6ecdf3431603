"""``ems audit``: what it says, and the exit code that scripts go by."""

import json
from collections import Counter
from dataclasses import dataclass, field

import pytest
from click.testing import CliRunner, Result

from ems.audit.findings import MAX_BREAKS, REMEDY, Break, Kind, Verdict
from ems.audit.run import Options
from ems.cli import audit, main
from ems.errors import UnknownIdError

LOST = Break(Kind.LOST, "e-1", "waits to be sent, and no queue holds a message of it")


@dataclass
class FakeAuditor:
    """Finds what it is told to, and remembers how it was asked."""

    breaks: list[Break] = field(default_factory=list)
    asked: list[tuple[str, bool]] = field(default_factory=list)

    def everything(self, options: Options) -> list[Verdict]:
        return self.subject("everything", options)

    def subject(self, identifier: str, options: Options) -> list[Verdict]:
        if identifier == "nobody":
            raise UnknownIdError("batch or campaign", identifier)
        self.asked.append((identifier, options.queues))
        options.progress(2, 3)
        verdict = Verdict(identifier, books=Counter(sent=2, in_doubt=1), notes=["2 copies"])
        verdict.add(self.breaks)
        return [verdict]


@dataclass
class FakeServices:
    """What the command asks for."""

    auditor: FakeAuditor = field(default_factory=FakeAuditor)


@pytest.fixture
def auditor(monkeypatch: pytest.MonkeyPatch) -> FakeAuditor:
    services = FakeServices()
    monkeypatch.setattr(audit, "services_of_environment", lambda: services)
    return services.auditor


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["audit", *arguments])


def test_what_is_sound_ends_with_zero(auditor: FakeAuditor) -> None:
    done = run("ba-1")
    assert done.exit_code == 0, done.output
    assert "1 in doubt, 2 sent" in done.stdout
    assert "note: 2 copies" in done.stdout
    assert auditor.asked == [("ba-1", False)]


def test_a_break_ends_with_one_and_says_which_id_what_and_what_to_do(auditor: FakeAuditor) -> None:
    auditor.breaks.append(LOST)
    done = run("--all", "--queues")
    assert done.exit_code == 1
    assert "BROKEN" in done.stdout
    assert f"{LOST}\n    {REMEDY[Kind.LOST]}\n" in done.stdout
    assert auditor.asked == [("everything", True)]


def test_breaks_that_nobody_would_read_are_counted(auditor: FakeAuditor) -> None:
    auditor.breaks += [LOST] * (MAX_BREAKS + 2)
    assert run("--all").stdout.endswith("and 2 breaks more\n")


def test_machines_get_one_line_of_json_a_verdict(auditor: FakeAuditor) -> None:
    auditor.breaks.append(LOST)
    done = run("ba-1", "--json")
    assert done.exit_code == 1
    [line] = done.stdout.splitlines()
    told = json.loads(line)
    assert (told["subject"], told["sound"], told["accepted"]) == ("ba-1", False, 3)
    assert told["breaks"] == [{"kind": "lost", "id": "e-1", "what": LOST.what, "remedy": REMEDY[Kind.LOST]}]


@pytest.mark.usefixtures("auditor")
@pytest.mark.parametrize("arguments", [(), ("ba-1", "--all")])
def test_it_asks_for_one_subject(arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert done.exit_code == 2
    assert "name a batch or a campaign, or say --all" in done.stderr


@pytest.mark.usefixtures("auditor")
def test_a_name_that_nothing_has_is_told_to_people() -> None:
    done = run("nobody")
    assert done.exit_code == 1
    assert "no batch or campaign 'nobody'" in done.stderr
