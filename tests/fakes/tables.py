"""The six tables on moto, for one test."""

from collections.abc import Iterator
from contextlib import contextmanager

from moto import mock_aws

from ems.settings import Settings
from ems.store.tables import Tables, bind


@contextmanager
def moto_tables() -> Iterator[Tables]:
    """Bind and create the tables in a mocked account of their own. moto serves sequential tests only."""
    with mock_aws():
        tables = bind(Settings())
        for model in tables.all():
            model.create_table(wait=False)
        yield tables
