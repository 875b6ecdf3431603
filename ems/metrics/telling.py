"""What becomes of posts to the backend's endpoints."""

from prometheus_client import CollectorRegistry, Counter, Histogram

from ems.notify.post import Gone, NotTaken, Outcome, Taken

_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20)


class TellingMetrics:
    """The metrics of a process that tells endpoints."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._posts = Counter("ems_webhook_posts", "Posts to endpoints, by outcome.", ("outcome",), registry=registry)
        self._seconds = Histogram(
            "ems_webhook_post_seconds",
            "Time from a post to its answer, or to the loss of it.",
            registry=registry,
            buckets=_BUCKETS,
        )
        self._disabled = Counter("ems_webhook_endpoints_disabled", "Endpoints that were given up.", registry=registry)
        for outcome in ("taken", "not_taken", "gone"):
            self._posts.labels(outcome)  # from 0 on: of a series that is born with a count Prometheus sees no increase

    def posted(self, outcome: Outcome, seconds: float) -> None:
        """Count a post."""
        self._posts.labels(_name(outcome)).inc()
        self._seconds.observe(seconds)

    def disabled(self) -> None:
        """Count an endpoint that was given up."""
        self._disabled.inc()


def _name(outcome: Outcome) -> str:
    match outcome:
        case Taken():
            return "taken"
        case Gone():
            return "gone"
        case NotTaken():
            return "not_taken"
