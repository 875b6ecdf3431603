"""The app on fakes."""

from collections.abc import Iterator

import pytest
import structlog
from fakes.web import World
from flask.testing import FlaskClient

from ems.settings import Settings


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def settings() -> Settings:
    return Settings(max_recipients=10, max_body_bytes=4096)


@pytest.fixture
def client(world: World, settings: Settings) -> FlaskClient:
    """An app whose requests carry a key of all scopes unless they say otherwise."""
    client = world.client(settings)
    client.environ_base["HTTP_AUTHORIZATION"] = "Bearer all"
    return client


@pytest.fixture(autouse=True)
def _fresh_log_context() -> Iterator[None]:
    yield
    structlog.contextvars.clear_contextvars()
