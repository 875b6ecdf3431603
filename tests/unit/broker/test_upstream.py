"""What makes up for defects of kombu steps aside once a release is without them."""

from pathlib import Path

import pytest

from ems.broker import upstream

PATCHES = Path(__file__).parents[3] / "docs" / "upstream"


@pytest.mark.parametrize(
    ("version", "needed"), [((5, 6, 2), True), ((5, 7, 0), True), ((5, 7, 1), False), ((6, 0, 0), False)]
)
def test_the_loop_is_hurried_until_a_release_hurries_by_itself(version: tuple[int, int, int], *, needed: bool) -> None:
    assert upstream.hub_needs_haste(version) == needed


@pytest.mark.parametrize("patch", sorted(PATCHES.glob("*.patch")), ids=lambda path: path.name)
def test_every_patch_says_what_it_mends_and_brings_its_test(patch: Path) -> None:
    explanation, _, changes = patch.read_text().partition("\n---\n")
    assert len(explanation.split()) > 30
    assert "+++ b/t/unit/" in changes
