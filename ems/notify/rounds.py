"""Visiting every endpoint that has something to be told, again and again."""

import time
from collections.abc import Callable

from ems.notify.courier import Courier
from ems.store.endpoints import EndpointStore
from ems.store.feed_reader import FeedReader

ROUND_SECONDS = 30.0
"""A round begins no visit after so long: beat asks for the next one."""


class Rounds:
    """Makes rounds; several at once, in any number of processes, share the endpoints out by their leases."""

    def __init__(
        self, *, endpoints: EndpointStore, feed: FeedReader, courier: Courier, clock: Callable[[], float] = time.time
    ) -> None:
        self._endpoints = endpoints
        self._feed = feed
        self._courier = courier
        self._clock = clock

    def make(self) -> int:
        """Visit the endpoints that are due, the one that was told least lately first; returns how many were visited.

        Raises:
            UnavailableError: DynamoDB cannot be reached; the next round makes up for it.
        """
        began = self._clock()
        due = [one for one in self._endpoints.all() if one.is_due(began)]
        if not due:
            return 0
        end = self._feed.end()
        behind = [one for one in due if one.progress.told.behind(end)]
        visited = 0
        for one in sorted(behind, key=lambda one: one.progress.told_at or 0.0):
            if self._clock() - began >= ROUND_SECONDS:
                break
            visited += self._courier.visit(one.endpoint_id)
        return visited
