import subprocess
import sys
from pathlib import Path

import pytest

PRODUCT = ("boto3", "celery", "flask", "pynamodb", "starlette", "ems.wiring")


def test_help_loads_nothing_of_what_the_commands_need() -> None:
    code = f"import sys, ems.cli; print([name for name in {PRODUCT} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == "[]"


@pytest.mark.parametrize("command", [[str(Path(sys.prefix) / "bin" / "ems")], [sys.executable, "-m", "ems.cli"]])
def test_the_command_starts_by_its_name_and_as_a_module(command: list[str]) -> None:
    shown = subprocess.run([*command, "--help"], capture_output=True, text=True, check=True).stdout
    assert shown.startswith("Usage: ems [OPTIONS]")
