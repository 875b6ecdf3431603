"""Putting EMS together from its settings, once a process: the web app, the workers and the command line ask here.

Built in layers as the packages are, and a layer sees only those below it: :mod:`~ems.wiring.outside` reaches DynamoDB,
SQS and SES, :mod:`~ems.wiring.rate` governs, :mod:`~ems.wiring.sending` and :mod:`~ems.wiring.tracking` decide,
:mod:`~ems.wiring.notify` tells the backend, :mod:`~ems.wiring.history` tells people, :mod:`~ems.wiring.audit` recounts,
and :mod:`~ems.wiring.erasure` erases persons.
"""

from typing import Protocol

from ems.wiring.audit import Audit
from ems.wiring.erasure import Erasing
from ems.wiring.history import History
from ems.wiring.notify import Notifying
from ems.wiring.parts import part

__all__ = ["Chore", "Services"]


class Chore(Protocol):
    """Something to be gone on with every few seconds."""

    def tick(self, *, seconds: float) -> object:
        """Go on for up to about *seconds*; raises UnavailableError, and the next tick goes on."""


class Services(History, Notifying, Audit, Erasing):
    """Everything a process may need, made when it is first asked for and then kept.

    Making a part opens no connection; the first call on it does.
    """

    @part
    def chores(self) -> tuple[Chore, ...]:
        """What is gone on with in the background."""
        return (self.eraser, self.step_keeper) if self.settings.ses_list_sync else (self.eraser,)
