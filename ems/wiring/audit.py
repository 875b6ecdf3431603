"""Recounting what all others have written."""

from ems.audit.auditor import Auditor
from ems.store.audit import AuditReads
from ems.wiring.outside import Outside
from ems.wiring.parts import part


class Audit(Outside):
    """The layer ``audit``."""

    @part
    def auditor(self) -> Auditor:
        """Recounts."""
        return Auditor(
            reads=AuditReads(self.tables),
            counters=self.stats_store,
            sqs=self.sqs,
            retention_seconds=self.retention_seconds,
        )
