"""The suppression list in a dict."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from ems.aws.suppressed import SesReason, SuppressedAtSes
from ems.errors import UnavailableError
from ems.store.pages import Page
from ems.store.reasons import Reason, Scope
from ems.store.suppressions import Suppression


@dataclass
class FakeSuppressionStore:
    """Keeps entries.

    *meanwhile* happens once, between a read and the write that follows; *fails* meets adding, and the end of reading
    all.
    """

    entries: dict[str, Suppression] = field(default_factory=dict)
    meanwhile: Callable[[], None] | None = None
    fails: list[Exception] = field(default_factory=list)

    def get(self, address: str) -> Suppression | None:
        return self.entries.get(address)

    def page(
        self, *, wanted: Callable[[Suppression], bool] | None = None, limit: int, cursor: str | None
    ) -> Page[Suppression]:
        rest = [one for address, one in sorted(self.entries.items()) if cursor is None or address > cursor]
        read = rest[:limit]
        more = read[-1].address if len(rest) > limit else None
        return Page([one for one in read if wanted is None or wanted(one)], more)

    def all(self, *, reason: Reason | None = None, scope: Scope | None = None) -> Iterator[Suppression]:
        for one in self.entries.values():
            if reason in {None, one.reason} and scope in {None, one.scope}:
                yield one
        if self.fails:
            raise self.fails.pop()

    def replace(self, entry: Suppression, *, seen: Suppression | None) -> bool:
        if self.meanwhile is not None:
            happening, self.meanwhile = self.meanwhile, None
            happening()
        if self.entries.get(entry.address) != seen:
            return False
        self.entries[entry.address] = entry
        return True

    def filter(self, addresses: Sequence[str], *, kind: str) -> dict[str, str]:
        listed = [self.entries[one] for one in addresses if one in self.entries]
        return {one.address: one.reason for one in listed if one.scope == "all" or kind == "bulk"}

    def add(self, address: str, *, reason: Reason, scope: Scope, source: str, since: float) -> bool:
        if self.fails:
            raise self.fails.pop()
        seen = self.entries.get(address)
        if seen is not None and not (scope == "all" and seen.scope == "bulk"):
            return False
        self.entries[address] = Suppression(address, reason=reason, scope=scope, source=source, since=since)
        return True

    def remove(self, address: str) -> bool:
        return self.entries.pop(address, None) is not None


@dataclass
class FakeSesList:
    """SES's own list."""

    entries: list[SuppressedAtSes]
    refuses: set[str] = field(default_factory=set)

    def all(self, *, since: float | None = None) -> Iterator[SuppressedAtSes]:
        yield from (one for one in self.entries if since is None or one.since > since)

    def get(self, address: str) -> SuppressedAtSes | None:
        if address in self.refuses:
            raise UnavailableError("SES", "BadRequestException")
        return next((one for one in self.entries if one.address == address), None)

    def put(self, address: str, reason: SesReason) -> None:
        self.remove(address)
        self.entries.append(SuppressedAtSes(address, reason, 1e9))

    def remove(self, address: str) -> bool:
        before = len(self.entries)
        self.entries[:] = [one for one in self.entries if one.address != address]
        return len(self.entries) < before
