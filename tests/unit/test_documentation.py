"""What the documents say exists, and what exists is in the documents."""

import re
from pathlib import Path
from typing import get_args

import click
import pytest
from fakes.metrics import exported, families
from pydantic import AliasChoices

from ems.cli import main
from ems.governor.errors import Refusal
from ems.governor.minute import Unused
from ems.settings import Settings
from ems.store.chunk_counts import COUNTED
from ems.store.status import OPEN_TO_PROOF, Status
from ems.web.rate_answers import LaneWaits, RateAnswer, Sender
from ems.web.rate_metrics import GAUGES

REPOSITORY = Path(__file__).parents[2]
README = (REPOSITORY / "README.md").read_text()
OPERATIONS = (REPOSITORY / "docs" / "operations.md").read_text()
MAKEFILE = (REPOSITORY / "Makefile").read_text()

LOCAL_VARIABLES = {"EMS_LOCAL_AWS_PORT", "EMS_LOCAL_SES_PORT", "EMS_LOCAL_AWS_PYTHON"}
"""Read by the launcher of the embedded services; no settings of the product."""


def variables() -> set[str]:
    """Name every environment variable that sets something."""
    found: set[str] = set()
    for name, field in Settings.model_fields.items():
        alias = field.validation_alias
        if isinstance(alias, AliasChoices):
            found |= {str(choice) for choice in alias.choices if str(choice).isupper()}
        else:
            found.add(f"EMS_{name.upper()}")
    return found


def code_of(document: str) -> list[str]:
    """Return what stands in backticks or in a block of code."""
    blocks = re.findall(r"```.*?\n(.*?)```", document, re.DOTALL)
    return [*blocks, *re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", document, flags=re.DOTALL))]


@pytest.mark.parametrize("variable", sorted(variables()))
def test_every_setting_is_described_for_operators(variable: str) -> None:
    assert f"`{variable}`" in OPERATIONS


@pytest.mark.parametrize("document", ["README", "OPERATIONS"])
def test_every_variable_that_a_document_names_exists(document: str) -> None:
    named = set(re.findall(r"\bEMS_[A-Z0-9_]+\b", globals()[document]))
    assert named - variables() - LOCAL_VARIABLES == set()


def test_every_default_that_is_documented_is_the_default() -> None:
    rows = re.findall(r"^\| `(EMS_[A-Z0-9_]+)` \| (?:`([^`]*)`)? *\|", OPERATIONS, re.MULTILINE)
    assert rows
    for variable, documented in rows:
        default = Settings.model_fields[variable.removeprefix("EMS_").lower()].default
        if isinstance(default, bool):
            assert documented == str(int(default)), variable
        elif isinstance(default, int | float):
            assert float(documented) == default, variable
        else:
            assert documented == (default or ""), variable


def test_every_process_is_described_for_operators() -> None:
    for line in (REPOSITORY / "Procfile").read_text().splitlines():
        assert f"| `{line.partition(':')[0]}` |" in OPERATIONS


def test_every_make_target_that_the_readme_names_exists() -> None:
    named = {target for code in code_of(README) for target in re.findall(r"^make ([a-z-]+)", code, re.MULTILINE)}
    assert {"demo", "test", "up", "check", "install", "help"} <= named
    assert named <= set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))


def test_every_phony_target_is_explained_by_make_help() -> None:
    [phony] = re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    assert set(phony.split()) == set(re.findall(r"^([a-z-]+):.*## ", MAKEFILE, re.MULTILINE))


@pytest.mark.parametrize("document", ["README", "OPERATIONS"])
def test_every_ems_command_that_a_document_names_exists(document: str) -> None:
    for code in code_of(globals()[document]):
        for words in re.findall(r"(?:^|\.venv/bin/)ems ((?:[a-z-]+ ?)+)", code, re.MULTILINE):
            command: click.Command = main
            for word in words.split():
                if not isinstance(command, click.Group) or word.startswith("-"):
                    break
                assert word in command.commands, f"ems {words}"
                command = command.commands[word]


@pytest.mark.parametrize("document", ["README.md", "docs/operations.md", "docs/patterns.md"])
def test_every_relative_link_leads_somewhere(document: str) -> None:
    path = REPOSITORY / document
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text()):
        assert (path.parent / target).exists(), target


def test_the_page_of_states_has_every_state_that_the_sender_writes_and_every_way_out_by_proof() -> None:
    page = (REPOSITORY / "docs" / "states.md").read_text()
    proved = {status.value for status in Status if f"{status.value} --> sent: " in page}
    assert proved == {Status.SENDING, *OPEN_TO_PROOF}
    for status in (Status.QUEUED, Status.SENDING, Status.SENT, *COUNTED):
        assert f"| `{status.value}` |" in page


def test_every_figure_of_the_rate_every_gauge_and_every_reason_is_explained_for_operators() -> None:
    [section] = re.findall(r"^## Reading /rate\n(.*?)^## ", OPERATIONS, re.MULTILINE | re.DOTALL)
    fields = {field for model in (RateAnswer, LaneWaits, Sender) for field in model.model_fields}
    explained = set(re.findall(r"`([a-z0-9_]+)`", section))
    assert {*fields, *GAUGES, *get_args(Unused), *get_args(Refusal)} - explained == set()


def test_every_metric_that_operators_are_told_of_exists_and_they_are_told_of_each() -> None:
    told = set(re.findall(r"\bems_[a-z_]+", OPERATIONS))
    assert told - exported() == set()
    assert {name for name in families() if name.startswith("ems_")} - told == set()
