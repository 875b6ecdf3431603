"""The simulator as an ASGI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ems.local.simulator.admin import AdminApi
from ems.local.simulator.certificate import CERTIFICATE_PATH
from ems.local.simulator.pages import Pages
from ems.local.simulator.ses_api import SesApi
from ems.local.simulator.ses_setup_api import SesSetupApi
from ems.local.simulator.simulator import Simulator
from ems.local.simulator.sns_api import SnsApi
from ems.local.simulator.wire import SesError, error_response


def create_app(simulator: Simulator) -> Starlette:
    """Serve SES, SNS, the admin API, the pages and the signing certificate from one port."""
    sns, pages = SnsApi(simulator.topics, simulator.delivery), Pages(simulator)

    async def root(request: Request) -> Response:
        return sns.visit(request) if "Action" in request.query_params else pages.mails(request)

    async def certificate(_request: Request) -> Response:
        return Response(simulator.signer.certificate, media_type="application/x-pem-file")

    async def unknown_operation(request: Request) -> Response:
        message = f"the simulator does not know {request.method} {request.url.path}"
        return error_response(SesError("UnknownOperationException", message, status=404))

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        simulator.delivery.close()

    return Starlette(
        routes=[
            *SesApi(simulator).routes(),
            Route("/", sns.post, methods=["POST"]),
            Route("/", root, methods=["GET"]),
            Route(CERTIFICATE_PATH, certificate, methods=["GET"]),
            *SesSetupApi(simulator).routes(),
            Route("/v2/{rest:path}", unknown_operation, methods=["GET", "POST", "PUT", "DELETE"]),
            *AdminApi(simulator).routes(),
            *pages.routes(),
        ],
        lifespan=lifespan,
    )
