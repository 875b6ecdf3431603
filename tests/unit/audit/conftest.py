import pytest
from fakes.audit import Books

from ems.sending.doubt_policy import DoubtPolicy
from ems.store.tables import Tables


@pytest.fixture
def books(tables: Tables) -> Books:
    return Books(tables)


@pytest.fixture
def resending(tables: Tables) -> Books:
    """Books of an account whose policy sends again what stays in doubt."""
    return Books(tables, policy=DoubtPolicy(120, "resend"))
