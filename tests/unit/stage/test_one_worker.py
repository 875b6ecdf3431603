"""Stands are costly, and each worker of pytest-xdist would start its own."""

import re
from pathlib import Path

from stage.one_worker import STANDS

TESTS = Path(__file__).parents[2]


def test_every_folder_whose_tests_share_a_stand_runs_on_one_worker() -> None:
    with_product = {
        path.parent for path in TESTS.rglob("test_*.py") if re.search(r"\bproduct: Product\b", path.read_text())
    }
    assert {f"tests/{folder.relative_to(TESTS)}" for folder in with_product} == set(STANDS)
