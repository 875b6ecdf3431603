"""A world in which one person is everywhere, and the eraser over it."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from fakes.audit import Books
from fakes.sending import address
from fakes.tables import RETENTION_SECONDS, batches_of, removals_of

from ems.erasure.eraser import Eraser
from ems.erasure.places import AtSes, InMails, InPayloads, InTheList, Place
from ems.errors import UnavailableError
from ems.store.erased import Marks
from ems.store.erasing import ErasableMails, ErasablePayloads
from ems.store.erasures import Erasure, Erasures
from ems.store.suppressions import Suppressions
from ems.store.tables import Tables
from ems.tracking.forget import history_without

ADA = address(1)
SETTLE_SECONDS = 180.0


@dataclass
class FakeSesList:
    """SES's own list; *down* is what it answers instead."""

    listed: set[str] = field(default_factory=lambda: {ADA, address(2)})
    down: UnavailableError | None = None

    def remove(self, address: str) -> bool:
        if self.down is not None:
            raise self.down
        if address not in self.listed:
            return False
        self.listed.remove(address)
        return True


class World(Books):
    """Books whose senders ask the real list, and an eraser. *ses* is SES's own list."""

    def __init__(self, tables: Tables) -> None:
        self.list = Suppressions(tables)
        super().__init__(tables, suppressions=self.list)
        self.ses = FakeSesList()
        self.removals = removals_of(tables, self.clock)

    def places(self) -> tuple[Sequence[Place], Sequence[Place]]:
        marks = Marks(self.tables)
        mails, batches = (
            ErasableMails(self.tables, history_without, clock=self.clock),
            batches_of(self.tables, self.clock),
        )
        mark = InTheList(self.tables, marks, kept_seconds=RETENTION_SECONDS)
        everywhere = (InMails(mails, batches, mails.naming), InPayloads(ErasablePayloads(self.tables)))
        return (mark, InMails(mails, batches, mails.to), *everywhere), (mark, *everywhere, AtSes(self.ses))

    def eraser(self, rounds: tuple[Sequence[Place], Sequence[Place]] | None = None) -> Eraser:
        """Return an eraser as another process would make it."""
        return Eraser(
            erasures=Erasures(self.tables, retention_seconds=RETENTION_SECONDS, clock=self.clock),
            hashes=Marks(self.tables).hashes,
            rounds=rounds or self.places(),
            settle_seconds=SETTLE_SECONDS,
            clock=self.clock,
        )

    def erase(self, address: str = ADA) -> Erasure:
        """Erase somebody and let everything come to its end."""
        begun = self.eraser().begin(address)
        for _ in range(2):
            self.eraser().tick(seconds=60)
            self.clock.advance(SETTLE_SECONDS + 1)
        return self.eraser().get(begun.erasure_id)

    def everything(self) -> str:
        """Return all tables as DynamoDB has them, in lower case, with what messages at rest carry in base64."""
        rows = [row.serialize() for table in self.tables.all() for row in table.scan()]
        return " ".join(
            [str(rows), *map(_carried, self.tables.batches.scan(self.tables.batches.payload.exists()))]
        ).lower()


def _carried(row: Any) -> str:
    return base64.b64decode(json.loads(row.payload)["body"]).decode()
