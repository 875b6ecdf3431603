"""Who asks, and whether that key may do it."""

from werkzeug.datastructures import Authorization

from ems.store.api_keys import Identity
from ems.store.scopes import Scope
from ems.web.problems import ProblemError
from ems.web.services import Keys

_CHALLENGE = 'Bearer realm="ems"'


class Authenticator:
    """Checks ``Authorization: Bearer <key>`` against the API keys."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def identify(self, authorization: Authorization | None, scope: Scope) -> Identity:
        """Return the key's identity.

        Raises:
            ProblemError: 401 without a valid key, 403 for a key without *scope*.
            UnavailableError: The key cannot be checked now.
        """
        if authorization is None or authorization.type != "bearer" or not authorization.token:
            detail = "send an API key as Authorization: Bearer <key>"
            raise ProblemError(401, detail, headers={"WWW-Authenticate": _CHALLENGE})
        identity = self._keys.authenticate(authorization.token)
        if identity is None:
            challenge = f'{_CHALLENGE}, error="invalid_token"'
            raise ProblemError(
                401,
                "this API key is not valid; check it for typos or make a new one",
                headers={"WWW-Authenticate": challenge},
            )
        if scope not in identity.scopes:
            challenge = f'{_CHALLENGE}, error="insufficient_scope", scope="{scope}"'
            detail = f"this API key lacks the scope {scope}; use a key that has it"
            raise ProblemError(403, detail, headers={"WWW-Authenticate": challenge})
        return identity
