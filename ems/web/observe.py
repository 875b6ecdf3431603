"""What every request leaves behind: an id, a log line without addresses, and two metrics."""

import re
import time
import uuid
from http import HTTPStatus

import structlog
from flask import Flask, Response, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram

_SANE_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_QUIET = frozenset({"/healthz", "/readyz", "/metrics", "/webhooks/ses"})
"""What machines ask all the time: worth a line only when the answer is an error."""
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

_log = structlog.get_logger(__name__)


def install(app: Flask, registry: CollectorRegistry) -> None:
    """Observe the requests of *app* and count them in *registry*."""
    labels = ("method", "route", "status")
    count = Counter("ems_http_requests", "HTTP requests.", labels, registry=registry)
    seconds = Histogram(
        "ems_http_request_seconds", "Time from a request to its answer.", labels, registry=registry, buckets=_BUCKETS
    )

    def begin() -> None:
        given = request.headers.get("X-Request-Id", "")
        g.request_id = given if _SANE_ID.fullmatch(given) else uuid.uuid4().hex
        g.started = time.perf_counter()
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    def end(response: Response) -> Response:
        # The rule, not the path: paths carry ids, and an unknown path is anything at all.
        route = request.url_rule.rule if request.url_rule is not None else "unmatched"
        method = request.method if request.url_rule is not None else "any"
        elapsed = time.perf_counter() - g.started
        count.labels(method, route, response.status_code).inc()
        seconds.labels(method, route, response.status_code).observe(elapsed)
        response.headers["X-Request-Id"] = g.request_id
        is_usual = route in _QUIET and response.status_code < HTTPStatus.BAD_REQUEST
        write = _log.debug if is_usual else _log.info
        write(
            "request",
            method=method,
            route=route,
            status=response.status_code,
            ms=round(elapsed * 1000, 1),
            key_id=g.get("key_id"),
        )
        return response

    app.before_request(begin)
    app.after_request(end)
