"""The WSGI entry point: ``gunicorn api:app``."""

from ems import logs, wiring
from ems.settings import Settings
from ems.web.app import create_app

settings = Settings.from_environment()
logs.configure(settings)
app = create_app(wiring.build(settings).web(), settings)
