"""Why an address gets no mail, and which; apart from its table, since the command line names them without DynamoDB."""

from typing import Literal, get_args

Reason = Literal["bounce", "complaint", "unsubscribe", "manual"]
Scope = Literal["all", "bulk"]

ERASED = "erased"
"""Why a mail is not sent that was accepted before its recipient was erased."""

REASONS: tuple[Reason, ...] = get_args(Reason)
SCOPES: tuple[Scope, ...] = get_args(Scope)
