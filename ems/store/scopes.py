"""What an API key may allow; apart from its table, since the command line names the scopes without loading DynamoDB."""

from typing import Literal

Scope = Literal["send", "read", "admin"]
SCOPES: tuple[Scope, ...] = ("send", "read", "admin")
