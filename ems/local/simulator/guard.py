"""What stands around every SES operation: counting, the faults that were asked for, errors on the wire."""

import asyncio
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ems.local.simulator.faults import CALL_FAULTS, Fault
from ems.local.simulator.sending import throttled
from ems.local.simulator.simulator import Simulator
from ems.local.simulator.wire import SesError, error_response

Handler = Callable[[Request], Awaitable[Response]]
ABORT = "ems.simulator.abort"
"""The key in an ASGI scope under which :mod:`.server` leaves the way to cut the connection."""
BULK = "SendBulkEmail"


class Guard:
    """Makes a route of an operation's handler."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def route(self, method: str, path: str, operation: str, handler: Handler) -> Route:
        """Return the route that serves *operation*, named as in the API."""

        async def endpoint(request: Request) -> Response:
            self._simulator.ledger.calls[operation] += 1
            try:
                return await self._with_faults(request, operation, handler)
            except SesError as error:
                if error.code == "TooManyRequestsException":
                    self._simulator.ledger.throttled_calls += 1
                return error_response(error)

        return Route(path, endpoint, methods=[method], name=operation)

    async def _with_faults(self, request: Request, operation: str, handler: Handler) -> Response:
        # In a bulk call throttling hits the entries, so the sender takes that fault.
        kinds = CALL_FAULTS - {"throttle"} if operation == BULK else CALL_FAULTS
        fault = self._simulator.faults.take(operation, kinds)
        if fault is not None:
            await self._before(request, fault)
            if fault.kind == "drop_before":
                return Response()
        answer = await handler(request)
        if fault is not None:
            await self._after(request, fault)
        return answer

    async def _before(self, request: Request, fault: Fault) -> None:
        if fault.kind == "latency":
            await asyncio.sleep(fault.seconds)
        elif fault.kind == "throttle":
            raise throttled()
        elif fault.kind == "error":
            raise SesError(fault.code, "a fault that was asked for", status=fault.status)
        elif fault.kind == "drop_before":
            request.scope[ABORT]()

    async def _after(self, request: Request, fault: Fault) -> None:
        if fault.kind == "hang_after_accept":
            await asyncio.sleep(fault.seconds)
        elif fault.kind == "drop_after":
            request.scope[ABORT]()
