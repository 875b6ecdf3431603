"""A task in a worker's hands, as Celery's events and remote control tell of it: in ids, and with no way to lose it.

Named to Celery by :class:`ems.tasks.base.EmsTask`.
"""

from typing import Any

from celery.worker.request import Request
from celery.worker.state import revoked

from ems import messages
from ems.masking import masked

SHOWN = 200
"""Characters of a task's arguments that are shown; EMS's own labels have fewer."""


class EmsRequest(Request):
    """Shows the label that the message carries, never the arguments, which hold addresses and fill a reply of SQS."""

    _argsrepr: str
    _kwargsrepr: str

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # A label is all ids. Celery's own publisher, if somebody uses it, writes the arguments themselves.
        self._argsrepr = _shown(self._argsrepr)
        self._kwargsrepr = _shown(self._kwargsrepr)

    def info(self, safe: bool = False) -> Any:  # noqa: FBT001, FBT002 - Celery's signature
        """Describe the task; *safe* or not, since ``inspect reserved`` of Celery 5.7 has no way to ask for it."""
        del safe
        return super().info(safe=True)

    def send_event(self, type: str, **fields: Any) -> None:  # noqa: A002 - Celery's signature
        """Tell Flower; an exception may quote what it failed on."""
        for name in ("exception", "traceback"):
            if name in fields:
                fields[name] = masked(str(fields[name]))
        super().send_event(type, **fields)

    def revoked(self) -> bool:
        """Tell whether the message is to be dropped unrun, which only one that expired is.

        Celery would acknowledge a revoked message and be done, and the mails in it would wait for ever. So it is run,
        and the task ends what it carries (:data:`ems.messages.REVOKED_HEADER`).
        """
        if self.id not in revoked or self.maybe_expire():
            return bool(super().revoked())
        if not self.request_dict.get(messages.REVOKED_HEADER):
            self.request_dict[messages.REVOKED_HEADER] = True
            self.send_event("task-revoked", terminated=False, signum=None, expired=False)
        return False


def _shown(label: Any) -> str:
    text = masked(str(label or ""))
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
