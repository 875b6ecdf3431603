"""``/openapi.json`` and ``/docs``, a page that needs nothing but this server: Swagger UI comes from a package."""

import json
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from flask import Blueprint, Response

from ems.web.openapi import document
from ems.web.operations import Operation

ASSETS = {
    "swagger-ui.css": ("css/swagger-ui.css", "text/css"),
    "swagger-ui-bundle.js": ("js/swagger-ui-bundle.js", "text/javascript"),
}

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>EMS API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="docs"></div>
<noscript>This page needs JavaScript; <a href="/openapi.json">openapi.json</a> holds the same.</noscript>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""

_START = """\
SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#docs",
  deepLinking: true,
  persistAuthorization: true,
  validatorUrl: null,
});
"""

_POLICY = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'"


def blueprint(operations: Sequence[Operation]) -> Blueprint:
    """Serve the document of *operations*, generated when it is first asked for, and the page that shows it."""
    routes = Blueprint("docs", __name__)

    @cache
    def text() -> str:
        return json.dumps(document(operations))

    @routes.get("/openapi.json")
    def openapi() -> Response:
        return Response(text(), mimetype="application/json")

    @routes.get("/docs")
    def page() -> Response:
        return Response(_PAGE, mimetype="text/html", headers={"Content-Security-Policy": _POLICY})

    @routes.get("/docs/start.js")
    def start() -> Response:
        return Response(_START, mimetype="text/javascript")

    for name in ASSETS:
        routes.add_url_rule(f"/docs/{name}", endpoint=name.replace(".", "-"), view_func=_asset, defaults={"name": name})
    return routes


def _asset(name: str) -> Response:
    path, media_type = ASSETS[name]
    content = files("flask_openapi3_swagger").joinpath("templates", "swagger", path).read_bytes()
    return Response(content, mimetype=media_type, headers={"Cache-Control": "max-age=86400"})
