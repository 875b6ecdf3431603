"""The HTTP edge for gunicorn, with a DynamoDB that goes out of reach in the middle of every export."""

from fakes.web import World

from ems.errors import UnavailableError
from ems.settings import Settings

world = World()
world.exports.fails = UnavailableError("DynamoDB", "cannot list mails")
app = world.client(Settings()).application
