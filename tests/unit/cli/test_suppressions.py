"""``ems suppressions``: what it says, and the exit code that scripts go by."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from fakes.suppressions import FakeSesList, FakeSuppressionStore

from ems.aws.suppressed import SuppressedAtSes
from ems.cli import main, suppressions
from ems.errors import UnavailableError
from ems.sending.suppression_import import SuppressionImport
from ems.sending.suppression_sync import SuppressionSync
from ems.sending.suppressions import SuppressionList
from ems.store.suppressions import Suppression

BOUNCED = Suppression("gone@example.com", reason="bounce", scope="all", source="ses-event", since=1e9, email_id="em-1")
TOLD = "gone@example.com: no mail since 2001-09-09 01:46:40 UTC (bounce, ses-event by mail em-1)\n"


@dataclass
class FakeServices:
    """What the commands ask for."""

    store: FakeSuppressionStore = field(default_factory=lambda: FakeSuppressionStore({BOUNCED.address: BOUNCED}))

    @property
    def suppression_list(self) -> SuppressionList:
        return SuppressionList(self.store, self.store, clock=lambda: 1e9)

    @property
    def suppression_sync(self) -> SuppressionSync:
        return SuppressionSync(
            FakeSesList([SuppressedAtSes("cross@example.com", "COMPLAINT", 1e9)]),
            self.suppression_import,
            removed=lambda _addresses: {},
        )

    @property
    def suppression_import(self) -> SuppressionImport:
        return SuppressionImport(self.store, clock=lambda: 1e9)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> FakeSuppressionStore:
    services = FakeServices()
    monkeypatch.setattr(suppressions, "services_of_environment", lambda: services)
    return services.store


def run(*arguments: str, said: str | bytes = "") -> Result:
    return CliRunner().invoke(main, ["suppressions", *arguments], input=said)


@pytest.mark.usefixtures("store")
def test_it_tells_why_an_address_gets_no_mail() -> None:
    assert run("show", "Gone@example.com").stdout == TOLD
    unknown = run("show", "here@example.com")
    assert (unknown.exit_code, "no suppression" in unknown.stderr) == (1, True)
    nobody = run("show", "nobody")
    assert (nobody.exit_code, "address: " in nobody.stderr) == (1, True)


def test_an_address_is_added_by_hand(store: FakeSuppressionStore) -> None:
    assert run("add", "ada@example.com", "--reason", "unsubscribe").stdout == (
        "ada@example.com: no mail of bulk campaigns since 2001-09-09 01:46:40 UTC (unsubscribe, the command line)\n"
    )
    assert store.entries["ada@example.com"].scope == "bulk"


@pytest.mark.parametrize(("said", "left"), [("n\n", 1), ("y\n", 0)])
def test_it_shows_what_it_would_remove_and_asks(store: FakeSuppressionStore, said: str, left: int) -> None:
    done = run("remove", "gone@example.com", said=said)
    assert done.exit_code == 0
    assert done.stdout.startswith(TOLD)
    assert len(store.entries) == left


def test_yes_is_an_answer_and_what_is_not_there_an_error(store: FakeSuppressionStore) -> None:
    assert run("remove", "gone@example.com", "--yes").exit_code == 0
    assert store.entries == {}
    assert run("remove", "gone@example.com", "--yes").exit_code == 1


@pytest.mark.usefixtures("store")
def test_the_list_is_shown_by_reason_and_scope_and_says_when_there_is_more() -> None:
    run("add", "ada@example.com", "--scope", "bulk")
    assert "ada@example.com" not in run("list", "--reason", "bounce").stdout
    assert "gone@example.com" not in run("list", "--scope", "bulk").stdout
    assert "and more" in run("list", "--limit", "1").stdout
    assert "and more" not in run("list", "--limit", "2").stdout


def test_an_import_tells_bad_lines_by_number_and_exits_with_one(store: FakeSuppressionStore, tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_bytes(
        b"\xef\xbb\xbfaddress,reason\r\nada@example.com,manual\r\nnobody,manual\r\ngone@example.com,manual\r\n"
    )
    done = run("import", str(file))
    assert done.exit_code == 1
    assert done.stdout == "1 added, 1 on the list before, 1 bad lines left out\n"
    assert "line 3: address: " in done.stderr
    assert store.entries["gone@example.com"] == BOUNCED


def test_an_import_without_a_bad_line_exits_with_zero_also_from_standard_input(store: FakeSuppressionStore) -> None:
    done = run("import", "-", said="address\nada@example.com\n")
    assert (done.exit_code, done.stdout) == (0, "1 added, 0 on the list before, 0 bad lines left out\n")
    assert "ada@example.com" in store.entries


def test_bytes_that_are_no_utf_8_spoil_their_line_alone(store: FakeSuppressionStore) -> None:
    done = run("import", "-", said=b"address\n\xe4da@example.com\nada@example.com\n")
    assert done.exit_code == 1
    assert "line 2: address: " in done.stderr
    assert "ada@example.com" in store.entries


@pytest.mark.usefixtures("store")
def test_a_file_without_a_header_is_an_error_of_its_own() -> None:
    done = run("import", "-", said="ada@example.com\n")
    assert done.exit_code == 1
    assert "Error: header: start with a line of the columns" in done.stderr


def test_an_export_is_a_file_that_can_be_imported(store: FakeSuppressionStore, tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    assert run("export", str(file)).stderr == "1 written\n"
    assert run("export", "-").stdout == file.read_text()
    assert file.read_text() == (
        "address,reason,scope,since,source\ngone@example.com,bounce,all,2001-09-09T01:46:40+00:00,ses-event\n"
    )
    store.entries.clear()
    assert run("import", str(file)).exit_code == 0
    assert store.entries["gone@example.com"].reason == "bounce"


def test_an_export_that_breaks_off_is_no_file_of_that_name(store: FakeSuppressionStore, tmp_path: Path) -> None:
    store.fails.append(UnavailableError("DynamoDB", "cannot list suppressions"))
    file = tmp_path / "list.csv"
    assert run("export", str(file)).exit_code == 1
    assert not file.exists()


def test_a_sync_takes_over_whom_ses_has_on_its_own_list(store: FakeSuppressionStore) -> None:
    done = run("sync")
    assert (done.exit_code, done.stdout) == (0, "1 added, 0 on the list before, 0 bad lines left out\n")
    assert store.entries["cross@example.com"].reason == "complaint"
