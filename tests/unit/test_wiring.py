import pytest

from ems.settings import Settings
from ems.wiring import Services
from ems.wiring.parts import part

PARTS = sorted({name for layer in Services.__mro__ for name, value in vars(layer).items() if isinstance(value, part)})


@pytest.mark.parametrize("name", PARTS)
def test_each_part_is_made_once_and_connects_to_nothing(name: str) -> None:
    services = Services(Settings())
    assert getattr(services, name) is getattr(services, name)


def test_two_sets_of_services_share_nothing() -> None:
    first, second = Services(Settings()), Services(Settings())
    for name in PARTS:
        assert getattr(first, name) is not getattr(second, name), name
