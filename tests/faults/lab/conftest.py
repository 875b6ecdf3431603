"""A stand for each file of tests, and no longer: while it stands, this process finds AWS where the stand has it."""

from collections.abc import Iterator

import pytest
from lab.stand import Stand


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with Stand(tmp_path_factory.mktemp("lab")) as stand:
        yield stand
