"""EMS as its operator runs it: `ems local --without-ses`, `ems provision`, `honcho start`, and HTTP from outside.

Nothing here imports the product but for the finding of a free port: it is started by its documented commands and told
what it may know by the standard AWS variables and the EMS_ variables of docs/operations.md.
"""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import boto3
import requests
from stage.other_ses import OtherSes
from stage.polling import until

from ems.local.processes import free_port

REPOSITORY = Path(__file__).parents[2]
BIN = Path(sys.prefix) / "bin"
KEY = "key-of-the-tests"
SECRET = "secret-of-the-tests-" + "s" * 32
MARK = "EMS_TEST_MARK"
REGION = "us-east-1"
STOP_SECONDS = 30.0


UNPROTECTED = {"EMS_CANARY": "0", "EMS_BREAKER_BOUNCE_RATE": "1", "EMS_BREAKER_COMPLAINT_RATE": "1"}
"""Tests tell what became of a few mails and nothing of most: the rest of a bulk would wait for its canary, and a share
of bounces would say nothing."""


def bare_environment(**more: str) -> dict[str, str]:
    """Return an environment in which nothing of this test process's own configuration is left."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "EMS_", "COV_"))}
    return {**kept, **more}


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    document: Any
    headers: Mapping[str, str]


@dataclass
class Api:
    """A caller with a key."""

    url: str
    key: str = KEY
    session: requests.Session = field(default_factory=requests.Session)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.session.close()

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Make a call; header names are written with underscores."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.session.request(
            method, self.url + path, json=body, headers={"Authorization": f"Bearer {self.key}", **sent}, timeout=90
        )
        return Answer(answer.status_code, answer.json() if answer.content else None, answer.headers)

    def ok(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Make a call that must succeed; return its JSON."""
        answer = self.call(method, path, body, **headers)
        assert answer.status < 400, f"{method} {path}: {answer.status} {answer.document}"
        return answer.document

    def campaign(self, name: str, kind: str, **fields: Any) -> str:
        """Create a campaign that greets by name; return its id, which is new every time."""
        body = {
            "campaign_id": f"{name}-{uuid.uuid4().hex[:8]}",
            "name": name,
            "kind": kind,
            "sender": "Shop <shop@example.com>",
            "template": {"subject": "Hello {{name}}", "html": "<p>Dear {{name}}</p>", "text": "Dear {{name}}"},
            **fields,
        }
        return str(self.ok("POST", "/campaigns", body)["campaign_id"])

    def single(self, campaign_id: str, to: str, **headers: str) -> str:
        """Send one mail; return its id."""
        body = {"campaign_id": campaign_id, "to": to, "data": {"name": "Ada"}}
        return str(self.ok("POST", "/send-email", body, **headers)["email_id"])

    def bulk(self, campaign_id: str, recipients: list[Any], **fields: Any) -> Any:
        """Send a bulk; return the answer."""
        return self.ok("POST", "/send-bulk-email", {"campaign_id": campaign_id, "recipients": recipients, **fields})

    def batch(self, batch_id: str) -> Any:
        return self.ok("GET", f"/batches/{batch_id}")

    def email(self, email_id: str) -> Any:
        return self.ok("GET", f"/emails/{email_id}")

    def emails(self, campaign_id: str, status: str) -> list[Any]:
        """Read all pages of a campaign's mails of one status."""
        items: list[Any] = []
        cursor = ""
        while True:
            page = self.ok("GET", f"/emails?campaign_id={campaign_id}&status={status}&limit=200{cursor}")
            items += page["items"]
            if page["next"] is None:
                return items
            cursor = f"&cursor={page['next']}"

    def finished(self, batch_id: str) -> Any:
        """Wait until a batch is done; return it."""
        return until(lambda: batch if (batch := self.batch(batch_id))["status"] == "done" else None)

    def reaches(self, email_id: str, *statuses: str) -> Any:
        """Wait until a mail has one of *statuses*; return it."""
        return until(lambda: mail if (mail := self.email(email_id))["status"] in statuses else None)


def people(number: int, *, label: str) -> list[dict[str, Any]]:
    """Make recipients of which each has a name."""
    return [{"to": f"{label}-{n}@example.com", "data": {"name": f"Person {n}"}} for n in range(number)]


class Processes:
    """One `honcho start`, of the whole Procfile or of the named processes."""

    def __init__(self, *names: str, environment: Mapping[str, str], log: Path) -> None:
        self.mark = uuid.uuid4().hex
        self.log = log
        with log.open("ab") as output:
            self._honcho = subprocess.Popen(
                [BIN / "honcho", "start", *names],
                cwd=REPOSITORY,
                env={**environment, MARK: self.mark},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def pids(self, *words: str) -> list[int]:
        """Return the processes whose command line holds all *words*, the oldest first."""
        found = [pid for pid, command in marked(self.mark) if all(word in command for word in words)]
        return sorted(pid for pid in found if pid != self._honcho.pid)

    def kill(self, *words: str) -> None:
        """End processes as a crash does: SIGKILL, without a word before."""
        kill_all(until(lambda: self.pids(*words)))

    def wait(self, *, seconds: float = STOP_SECONDS) -> int:
        """Wait until honcho and all of its processes have ended."""
        code = self._honcho.wait(seconds)
        until(lambda: not marked(self.mark), seconds=10)
        return code

    def stop(self) -> int:
        """Ask honcho to end, as Ctrl-C or an init system does. Twice does no harm."""
        if self._honcho.poll() is None:
            self._honcho.terminate()
        try:
            return self.wait()
        finally:
            kill_all(pid for pid, _ in marked(self.mark))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def kill_all(pids: Iterable[int]) -> None:
    """End processes as a crash does."""
    signal_all(pids, signal.SIGKILL)


def signal_all(pids: Iterable[int], number: signal.Signals) -> None:
    """Signal processes; one that has ended by itself meanwhile is as good."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def marked(mark: str) -> list[tuple[int, str]]:
    """Return pid and command line of every process that carries *mark*."""
    return carrying(f"{MARK}={mark}")


def carrying(variable: str) -> list[tuple[int, str]]:
    """Return pid and command line of every process with ``NAME=value`` in its environment."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if variable.encode() in (entry / "environ").read_bytes().split(b"\0"):
                found.append((int(entry.name), (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()))
        except OSError:  # it has ended meanwhile, or is not ours
            continue
    return found


@dataclass
class Product:
    """A provisioned account and the processes on it."""

    environment: dict[str, str]
    directory: Path
    ses: OtherSes
    processes: Processes | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.environment['PORT']}"

    @property
    def flower_url(self) -> str:
        return f"http://127.0.0.1:{self.environment['FLOWER_PORT']}"

    @property
    def topic_arn(self) -> str:
        return self.environment["EMS_SNS_TOPIC_ARNS"]

    def start(self, *names: str, **more: str) -> Processes:
        """Start processes of the Procfile on this account."""
        log = self.directory / f"{'-'.join(names) or 'honcho'}-{time.time_ns()}.log"
        return Processes(*names, environment={**self.environment, **more}, log=log)

    @contextmanager
    def aws(self, service: str) -> Iterator[Any]:
        """Open a client of this account."""
        client = boto3.session.Session().client(
            service,  # type: ignore[call-overload]
            region_name=REGION,
            endpoint_url=self.environment["AWS_ENDPOINT_URL"],
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        try:
            yield client
        finally:
            client.close()

    @contextmanager
    def aws_stands_still(self) -> Iterator[None]:
        """Stop SQS, SNS and DynamoDB without ending them: they take connections and answer nothing."""
        pids = [pid for pid, _ in carrying(f"GATEWAY_PORT={self.environment['AWS_ENDPOINT_URL'].rpartition(':')[2]}")]
        assert pids
        signal_all(pids, signal.SIGSTOP)
        try:
            yield
        finally:
            signal_all(pids, signal.SIGCONT)

    def ems(self, *arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
        """Run an `ems` command on this account."""
        return ems(*arguments, environment={**self.environment, **more}, directory=self.directory)


def ems(
    *arguments: str, environment: Mapping[str, str], directory: Path, seconds: float = 60
) -> "subprocess.CompletedProcess[str]":
    """Run an `ems` command to its end."""
    return subprocess.run(
        [BIN / "ems", *arguments],
        env=environment,
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )


@contextmanager
def local_aws(directory: Path) -> Iterator[str]:
    """Run `ems local --without-ses`; yields its URL."""
    port = free_port()
    log = directory / "local.log"
    with log.open("wb") as output:
        local = subprocess.Popen(
            [BIN / "ems", "local", "--without-ses"],
            env=bare_environment(EMS_LOCAL_AWS_PORT=str(port)),
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        until(lambda: b"is up" in log.read_bytes() or local.poll() is not None)
        assert local.poll() is None, log.read_text()
        yield f"http://127.0.0.1:{port}"
    finally:
        local.terminate()
        assert local.wait(STOP_SECONDS) == 0, log.read_text()


@contextmanager
def provisioned(
    directory: Path, *, ses: OtherSes, region_variable: str = "AWS_REGION", **settings: str
) -> Iterator[Product]:
    """Prepare an account on the embedded AWS and the other SES; nothing of EMS runs on it yet.

    AWS has two names for the variable of the region, and either must do alone.
    """
    with local_aws(directory) as aws_url:
        port = str(free_port())
        environment = bare_environment(
            AWS_ENDPOINT_URL=aws_url,
            AWS_ENDPOINT_URL_SESV2=ses.url,
            **{region_variable: REGION},
            AWS_ACCESS_KEY_ID="test",
            AWS_SECRET_ACCESS_KEY="test",
            PORT=port,
            FLOWER_PORT=str(free_port()),
            EMS_PUBLIC_URL=f"http://127.0.0.1:{port}",
            EMS_BOOTSTRAP_API_KEY=KEY,
            EMS_UNSUBSCRIBE_SECRETS=SECRET,
            EMS_SNS_CERT_URL=ses.certificate_url,
            PYTHONUNBUFFERED="1",
            **{**UNPROTECTED, **settings},
        )
        product = Product(environment, directory, ses)
        done = product.ems("provision", "--no-webhook")
        assert done.returncode == 0, done.stdout + done.stderr
        told = next(line for line in done.stdout.splitlines() if line.startswith("export EMS_SNS_TOPIC_ARNS="))
        environment["EMS_SNS_TOPIC_ARNS"] = told.partition("=")[2]
        yield product


def wait_until_ready(url: str, processes: Processes) -> None:
    """Wait until the web process says that it can work."""

    def ready() -> bool:
        try:
            return requests.get(f"{url}/readyz", timeout=10).ok
        except requests.ConnectionError:
            return False

    try:
        until(ready)
    except AssertionError:
        raise AssertionError(f"{url} is not ready:\n{processes.log.read_text()[-4000:]}") from None
