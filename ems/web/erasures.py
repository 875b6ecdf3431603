"""``/recipients`` and ``/erasures``: taking a person out of all records."""

from typing import Literal, Self

from pydantic import AwareDatetime, Field

from ems.store.erasures import Erasure
from ems.web.answers import Answer
from ems.web.operations import operation
from ems.web.services import Erasures as ErasureService

STATUS: dict[int, Literal["erasing", "looking_again"]] = {1: "erasing", 2: "looking_again"}


class ErasureAnswer(Answer):
    """How far the erasure of a person is. It holds no address."""

    erasure_id: str = Field(description="Names the person without the address; the same for the same address.")
    status: Literal["erasing", "looking_again", "done"] = Field(
        description="erasing: records are being rid of the address. looking_again: once more, from look_again_at on, "
        "for what a process had in hand. Nothing is sent from erased_at on."
    )
    erased_at: AwareDatetime = Field(description="What was accepted until then is erased and, if it waited, not sent.")
    look_again_at: AwareDatetime
    done_at: AwareDatetime | None
    mails: int = Field(description="Mails that name the person no more.")
    payloads: int = Field(description="Messages at rest, parked or kept, that do so no more.")
    read: int = Field(description="Records that were read for that.")
    problem: str | None = Field(description="What keeps it from going on; it tries again by itself.")

    @classmethod
    def of(cls, erasure: Erasure) -> Self:
        """Answer with how far *erasure* is."""
        return cls.model_validate(
            {name: getattr(erasure, name) for name in cls.model_fields if name != "status"}
            | {"status": STATUS.get(erasure.round, "done")}
        )


class Erasures:
    """Erases persons. All of it takes ``admin``."""

    def __init__(self, erasures: ErasureService) -> None:
        self._erasures = erasures

    @operation("DELETE /recipients/{address}", scope="admin", tag="erasures", success=202, problems=(422, 503))
    def erase_recipient(self, address: str) -> ErasureAnswer:
        """Take a person out of all records; counts, stats and audits stay as they are.

        What waits for the address is not sent any more: it ends as suppressed, with the reason erased. Whoever was
        suppressed stays so. Mails that are accepted later are sent and recorded as any other. Asking again erases what
        came meanwhile.
        """
        return ErasureAnswer.of(self._erasures.begin(address))

    @operation("GET /erasures/{erasure_id}", scope="admin", tag="erasures", problems=(404, 503))
    def get_erasure(self, erasure_id: str) -> ErasureAnswer:
        """Read how far an erasure is."""
        return ErasureAnswer.of(self._erasures.get(erasure_id))
