"""Stands are costly, and each worker of pytest-xdist would start its own."""

from pathlib import Path

from stage.one_worker import FOLDERS

TESTS = Path(__file__).parents[2]


def test_every_folder_whose_tests_share_a_stand_runs_on_one_worker() -> None:
    with_stands = [path.parent for path in TESTS.rglob("conftest.py") if "def product(" in path.read_text()]
    assert sorted(f"tests/{folder.relative_to(TESTS)}" for folder in with_stands) == sorted(FOLDERS)
