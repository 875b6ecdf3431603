"""uvicorn with two additions: a handler can cut its connection, and shutdown does not wait for one that hangs."""

from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ems.local.simulator.guard import ABORT

BACKLOG = 2048
GRACE_SECONDS = 1
KEEP_ALIVE_SECONDS = 75
"""Longer than a client's pause: a connection that closes just as a mail is sent on it leaves that mail in doubt."""


class CuttableProtocol(HttpToolsProtocol):
    """Leaves ``transport.abort`` in the ASGI scope of each request: the client sees a reset, and no answer."""

    def connection_made(self, transport: Any) -> None:
        """Wrap the application for the life of this connection."""
        super().connection_made(transport)
        app = self.app

        async def cuttable(scope: Scope, receive: Receive, send: Send) -> None:
            scope[ABORT] = transport.abort
            await app(scope, receive, send)

        self.app = cuttable


def serve(app: ASGIApp, *, port: int) -> None:
    """Serve on loopback until SIGTERM or SIGINT."""
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=port,
        http=CuttableProtocol,
        access_log=False,
        log_level="warning",
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
