"""The Flask app, made from its collaborators."""

from flask import Flask
from prometheus_client import CollectorRegistry

from ems.settings import Settings
from ems.web import docs, observe, problems
from ems.web.auth import Authenticator
from ems.web.batches import Batches
from ems.web.breaker import BreakerSwitch
from ems.web.campaigns import Campaigns
from ems.web.emails import Emails
from ems.web.erasures import Erasures
from ems.web.exports import Exports
from ems.web.monitoring import HealthChecks, Metrics, Monitoring
from ems.web.operations import mount
from ems.web.sends import Sends
from ems.web.services import WebServices
from ems.web.stats import Stats
from ems.web.suppressions import Suppressions
from ems.web.unsubscribe import Unsubscribe
from ems.web.webhook_endpoints import EventFeed, WebhookEndpoints
from ems.web.webhooks import Webhooks


def create_app(services: WebServices, settings: Settings) -> Flask:
    """Make the HTTP edge of *services*. Nothing is shared between two apps."""
    app = Flask("ems", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    http_metrics = CollectorRegistry()
    observe.install(app, http_metrics)
    problems.install(app, max_body_bytes=settings.max_body_bytes)
    authenticator = Authenticator(services.keys)
    resources = (
        Sends(services.acceptance, max_recipients=settings.max_recipients),
        Emails(services.emails, services.resolver),
        Exports(services.exports),
        Stats(services.statistics),
        Batches(services.batches, services.resolver, services.retries),
        Campaigns(services.campaigns),
        Suppressions(services.suppressions),
        Erasures(services.erasures),
        BreakerSwitch(services.breaker),
        Monitoring(services.rate, HealthChecks(services.health, services.notices)),
        Metrics((http_metrics, services.registry), authenticator, public=settings.metrics_public),
        Webhooks(services.intake),
        Unsubscribe(services.links, services.unsubscribing),
        EventFeed(services.events),
        WebhookEndpoints(services.endpoints),
    )
    operations = mount(app, resources, authenticator)
    app.register_blueprint(docs.blueprint(operations))
    return app
