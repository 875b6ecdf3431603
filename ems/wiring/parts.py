"""Parts of a process that are made once."""

from collections.abc import Callable
from threading import RLock
from typing import Any, Generic, TypeVar, cast

from ems.settings import Settings

Part = TypeVar("Part")


class Parts:
    """What the layers of the wiring are built upon: the settings, and what has been made of them so far."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.making = RLock()
        self.made: dict[str, object] = {}


class part(Generic[Part]):  # noqa: N801 - used as a decorator
    """A property that is made once, whichever thread asks first: there must not be two governors in a process."""

    def __init__(self, make: Callable[[Any], Part]) -> None:
        self._make = make
        self.__doc__ = make.__doc__

    def __set_name__(self, _owner: type, name: str) -> None:
        self._name = name

    def __get__(self, parts: Parts, _owner: type) -> Part:
        with parts.making:
            if self._name not in parts.made:
                parts.made[self._name] = self._make(parts)
            return cast("Part", parts.made[self._name])
