"""A client of the simulator's ``/_simulator`` endpoints, for the demo, the benchmarks and the tests."""

import time
from collections.abc import Iterator
from typing import Any

import urllib3

TIMEOUT_SECONDS = 10.0


class SimulatorClient:
    """Reads a simulator's figures and tells it what should go wrong. *url* is where it answers."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/_simulator"
        self._http = urllib3.PoolManager(retries=False, timeout=TIMEOUT_SECONDS)

    def report(self, *, campaign_id: str | None = None, since: float | None = None) -> dict[str, Any]:
        """Return the report, its acceptances narrowed down to a campaign and from a time on (epoch seconds)."""
        asked = {"campaign": campaign_id, "since": since}
        return self._call("GET", "/report", fields={name: value for name, value in asked.items() if value is not None})

    def mails(
        self, *, email_id: str | None = None, campaign_id: str | None = None, recipient: str | None = None
    ) -> Iterator[dict[str, Any]]:
        """Yield the envelopes of the matching mails, oldest first."""
        asked = {"ems_email_id": email_id, "campaign": campaign_id, "recipient": recipient, "limit": 1000}
        fields = {name: value for name, value in asked.items() if value is not None}
        cursor: str | None = "0"
        while cursor is not None:
            page = self._call("GET", "/mails", fields={**fields, "cursor": cursor})
            yield from page["items"]
            cursor = page["next"]

    def mail(self, message_id: str) -> dict[str, Any]:
        """Return one mail with its rendered ``text`` and ``html``."""
        return self._call("GET", f"/mails/{message_id}")

    def fault(self, kind: str, **rule: Any) -> None:
        """Ask for a fault; :class:`ems.local.simulator.faults.Fault` describes the fields."""
        self._call("POST", "/faults", json={"kind": kind, **rule})

    def lift_faults(self) -> None:
        """Lift every fault."""
        self._call("DELETE", "/faults")

    def account(self, **changes: Any) -> None:
        """Change ``rate``, ``daily_quota`` or ``sending_enabled``."""
        self._call("PUT", "/account", json=changes)

    def reset(self) -> None:
        """Forget the mails and begin the figures anew."""
        self._call("DELETE", "/mails")

    def wait_for_events(self, *, seconds: float = 10.0) -> bool:
        """Wait until no event is on its way any more; say whether that came in time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not any(counts["pending"] for counts in self.report()["events"].values()):
                return True
            time.sleep(0.02)
        return False

    def _call(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        answer = self._http.request(method, self._url + path, **request)
        if answer.status >= 400:  # noqa: PLR2004 - where errors begin
            raise ValueError(f"the simulator refused {method} {path}: {answer.data.decode()}")
        return dict(answer.json()) if answer.data else {}
