"""One stand for all tests of this folder."""

from collections.abc import Iterator

import pytest
from lab.stand import Stand


@pytest.fixture(scope="session")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with Stand(tmp_path_factory.mktemp("lab")) as stand:
        yield stand
