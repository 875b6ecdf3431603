"""The WSGI entry point: ``gunicorn api:app``."""

from ems import logs, memory
from ems.settings import Settings
from ems.web.app import create_app
from ems.web.services import WebServices
from ems.wiring import Services

settings = Settings.from_environment()
logs.configure(settings)
services = Services(settings)
app = create_app(WebServices.of(services), settings)
services.tables.connection.connect()
memory.settle()
