"""``/rate``, ``/healthz``, ``/readyz`` and ``/metrics``."""

import os
import time
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from threading import Lock

import structlog
from flask import Response, request
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector

from ems.errors import UnavailableError
from ems.web.answers import Health, Readiness
from ems.web.auth import Authenticator
from ems.web.operations import operation, respond
from ems.web.rate_answers import RateAnswer
from ems.web.services import Rate

CACHE_SECONDS = {"ses": 10.0}
"""SES answers GetAccount at most once a second for the whole account, and others ask as well."""

DEFAULT_CACHE_SECONDS = 1.0

_log = structlog.get_logger(__name__)


class HealthChecks:
    """Runs checks and remembers each outcome for a moment. *clock* gives seconds of any origin.

    *notices* return what people should know although everything can be reached, None when there is nothing.
    """

    def __init__(
        self,
        checks: Mapping[str, Callable[[], None]],
        notices: Mapping[str, Callable[[], str | None]],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._checks = checks
        self._notices = notices
        self._clock = clock
        self._outcomes: dict[str, tuple[str, float]] = {}
        self._lock = Lock()

    def outcomes(self) -> dict[str, str]:
        """Return "ok" or what is wrong, by name of the check."""
        with self._lock:
            return {name: self._remembered(name, partial(self._run, name)) for name in self._checks}

    def notices(self) -> dict[str, str]:
        """Return what people should know, by name; what cannot be found out is left out."""
        with self._lock:
            found = {name: self._remembered(name, partial(_noticed, tell)) for name, tell in self._notices.items()}
        return {name: text for name, text in found.items() if text}

    def _remembered(self, name: str, find_out: Callable[[], str]) -> str:
        now = self._clock()
        known = self._outcomes.get(name)
        if known is not None and now - known[1] < CACHE_SECONDS.get(name, DEFAULT_CACHE_SECONDS):
            return known[0]
        outcome = find_out()
        self._outcomes[name] = (outcome, now)
        return outcome

    def _run(self, name: str) -> str:
        try:
            self._checks[name]()
        except Exception as error:  # noqa: BLE001  # whatever keeps a check from passing is its outcome
            _log.warning("health_check_failed", check=name, error=str(error))
            return f"not reachable ({type(error).__name__})"
        return "ok"


def _noticed(notice: Callable[[], str | None]) -> str:
    try:
        return notice() or ""
    except UnavailableError:
        return ""  # the checks say so


class Monitoring:
    """Says how this process and the account's rate are."""

    def __init__(self, rate: Rate, checks: HealthChecks) -> None:
        self._rate = rate
        self._checks = checks

    @operation("GET /rate", scope="read", tag="monitoring", problems=(503,))
    def get_rate(self) -> RateAnswer:
        """Read the account's limit, the rate that is kept, what was used, the backlog and the time that it takes."""
        return RateAnswer.model_validate(self._rate.status())

    @operation("GET /healthz", scope=None, tag="monitoring")
    def get_health(self) -> Health:
        """Tell that this process is alive."""
        return Health()

    @operation("GET /readyz", scope=None, tag="monitoring", also={503: Readiness})
    def get_readiness(self) -> Response:
        """Tell whether SQS, DynamoDB and SES can be reached. Outcomes are up to ten seconds old."""
        outcomes = self._checks.outcomes()
        ready = all(outcome == "ok" for outcome in outcomes.values())
        answer = Readiness(status="ready" if ready else "not_ready", checks=outcomes, notices=self._checks.notices())
        return respond(answer, HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE)


class Metrics:
    """Prometheus metrics, for a key with the scope read or for everybody (EMS_METRICS_PUBLIC).

    The edge's own metrics come first; with PROMETHEUS_MULTIPROC_DIR they are summed over gunicorn's workers
    (gunicorn.conf.py), else a scrape would tell of one worker now and of another then.
    """

    def __init__(
        self, registries: tuple[CollectorRegistry, CollectorRegistry], authenticator: Authenticator, *, public: bool
    ) -> None:
        self._own, self._others = registries
        self._authenticator = authenticator
        self._public = public

    @operation("GET /metrics", scope=None, tag="monitoring", problems=(401, 403), media_type="text/plain")
    def get_metrics(self) -> Response:
        """Read the Prometheus metrics. Needs a key with the scope read unless they are public."""
        if not self._public:
            self._authenticator.identify(request.authorization, "read")
        own = self._own
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            own = CollectorRegistry()
            MultiProcessCollector(own)  # type: ignore[no-untyped-call]  # prometheus_client types it not
        return Response(generate_latest(own) + generate_latest(self._others), content_type=CONTENT_TYPE_LATEST)
