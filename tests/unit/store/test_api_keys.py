"""API keys on the real table."""

import pytest

from ems.errors import UnavailableError
from ems.store import api_keys
from ems.store.api_keys import ApiKeys, Identity
from ems.store.scopes import SCOPES
from ems.store.tables import Tables


class Clock:
    now = 1_000_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(tables: Tables, clock: Clock) -> ApiKeys:
    return ApiKeys(tables, bootstrap="a key of the operator's choice", clock=clock)


def test_a_made_key_is_recognised_with_its_scopes(keys: ApiKeys) -> None:
    key, token = keys.create("backend", {"send", "read"})

    assert token.startswith(f"ems_{key.key_id}_")
    assert keys.authenticate(token) == Identity(key.key_id, frozenset({"send", "read"}))


def test_the_table_holds_no_secret(keys: ApiKeys, tables: Tables) -> None:
    key, token = keys.create("backend", {"send"})

    row = tables.api_keys.get(key.key_id)

    assert token.rpartition(f"{key.key_id}_")[2] not in str(row.serialize())


@pytest.mark.parametrize(
    "token", ["", "x", "ems_", "ems_abc_def", "ems_0123456789ab_", "a" * 5000, "ems_0123456789ab_x"]
)
def test_other_tokens_are_nobodys(keys: ApiKeys, token: str) -> None:
    assert keys.authenticate(token) is None


def test_a_right_id_with_a_wrong_secret_is_nobodys(keys: ApiKeys) -> None:
    _, token = keys.create("backend", {"send"})
    assert keys.authenticate(token) is not None

    assert keys.authenticate(token[:-1] + ("A" if token[-1] != "A" else "B")) is None


def test_the_bootstrap_key_has_all_scopes_and_needs_no_table(tables: Tables) -> None:
    tables.api_keys.delete_table()
    keys = ApiKeys(tables, bootstrap="k")

    assert keys.authenticate("k") == Identity("bootstrap", frozenset(SCOPES))
    assert keys.authenticate("kk") is None


def test_without_a_bootstrap_key_none_is_accepted(tables: Tables) -> None:
    assert ApiKeys(tables).authenticate("") is None
    assert ApiKeys(tables).authenticate("None") is None


def test_a_seen_key_is_remembered_for_a_moment_and_then_asked_for_again(
    keys: ApiKeys, tables: Tables, clock: Clock
) -> None:
    key, token = keys.create("backend", {"send"})
    keys.authenticate(token)
    tables.api_keys(key.key_id).delete()

    clock.now += api_keys.CACHE_SECONDS - 0.1
    assert keys.authenticate(token) is not None
    clock.now += 0.2
    assert keys.authenticate(token) is None


def test_a_revoked_key_is_refused_at_once_where_it_was_revoked(keys: ApiKeys) -> None:
    key, token = keys.create("backend", {"send"})
    keys.authenticate(token)

    assert keys.revoke(key.key_id)
    assert keys.authenticate(token) is None
    assert not keys.revoke(key.key_id)


def test_the_last_use_is_noted_at_most_once_a_minute(keys: ApiKeys, clock: Clock) -> None:
    _, token = keys.create("backend", {"send"})
    start = clock.now
    noted = []
    for offset in (0, 20, 40, 61):
        clock.now = start + offset
        keys.authenticate(token)
        noted.append(keys.all()[0].last_used_at)

    assert noted == [start, start, start, start + 61]


def test_remembered_keys_are_bounded(keys: ApiKeys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_keys, "CACHE_SIZE", 2)
    for number in range(4):
        keys.authenticate(keys.create(str(number), {"send"})[1])

    assert len(keys._known) == 2


def test_keys_are_listed_without_secrets(keys: ApiKeys, clock: Clock) -> None:
    first, _ = keys.create("first", {"send"})
    clock.now += 1
    second, _ = keys.create("second", {"admin"})

    assert keys.all() == [first, second]


def test_a_key_that_cannot_be_checked_is_an_outage_and_no_refusal(keys: ApiKeys, tables: Tables) -> None:
    _, token = keys.create("backend", {"send"})
    tables.api_keys.delete_table()

    with pytest.raises(UnavailableError):
        keys.authenticate(token)
