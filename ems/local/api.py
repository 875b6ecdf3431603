"""A caller's view of EMS, for the demo and the benchmarks."""

from typing import Any

import urllib3

TIMEOUT_SECONDS = 60.0
ERRORS_FROM = 400


class ApiError(Exception):
    """EMS answered with an error; the message is what it said."""


class Api:
    """Calls the HTTP API at *url* with *key*. Safe to share between threads."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url
        self._key = key
        self._http = urllib3.PoolManager(retries=False, timeout=TIMEOUT_SECONDS, maxsize=8)

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Make one call and return its JSON.

        Raises:
            ApiError: EMS answered with an error.
        """
        headers = {"Authorization": f"Bearer {self._key}"}
        answer = self._http.request(method, self._url + path, json=body, headers=headers)
        if answer.status >= ERRORS_FROM:
            raise ApiError(f"{method} {path} answered {answer.status}: {answer.data.decode()}")
        return dict(answer.json())
