"""How the webhook holds up: its answers while SNS posts 500 events a second, with SQS near and far.

Run ``python bench/webhook.py`` (`make bench-webhook`)::

    python bench/webhook.py --rate 500 --seconds 20 --milliseconds 0 20 200

Starts the Procfile's web over an embedded SQS, posts signed events at a steady rate, whatever the answers take, and
times each from the moment at which it was due. Prints one table and writes ``.var/bench/webhook.json``; exits with 1
when a post was not answered with 200, or its event is not in the queue.

``web CPU`` is the time of its own that the webhook takes for a post. Of the answer's time up to 50 ms are the wait for
other events to share an SQS message with (docs/adr/0022), and the rest is SQS. Everything shares the machine, the
sender included, which signs beforehand.
"""

import argparse
import http.client
import json
import os
import random
import signal
import statistics
import subprocess
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
from account import account
from latency import FarBroker
from procfile import command_of
from rich.console import Console
from rich.table import Table
from tracking_events import sample

from ems import messages, queues
from ems.local.launcher import free_port
from ems.local.simulator.signing import Signer
from ems.tracking.gather import tracked_texts
from ems.wiring import Services

REPOSITORY = Path(__file__).parents[1]
OUTPUT = REPOSITORY / ".var" / "bench" / "webhook.json"
TOPIC_ARN = "arn:aws:sns:us-east-1:123456789012:ems-events"
CERTIFICATE = "/SimpleNotificationService-0123456789abcdef.pem"
CONNECTIONS = 64
WARM_UP_SECONDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One run. ``sqs_ms`` is how far SQS was away; ``missing`` events were posted, warm-up included, and not queued."""

    sqs_ms: float
    posted: int
    posts_a_second: float
    refused: int
    p50_ms: float
    p99_ms: float
    web_cpu_ms: float
    sqs_calls_a_post: float
    missing: int


@dataclass(frozen=True, slots=True)
class Answer:
    """One post: when it was due and answered (monotonic seconds), and with what; 0 when the connection failed."""

    due: float
    answered: float
    status: int


@contextmanager
def certificate_of(signer: Signer) -> Iterator[str]:
    """Serve the certificate, as SNS does; yield its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(signer.certificate)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{CERTIFICATE}"
    finally:
        server.shutdown()


@contextmanager
def web(port: int, log: Path) -> Iterator[psutil.Process]:
    """Run the Procfile's web; yield its first process once it answers."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            ["/bin/sh", "-c", command_of("web")],
            cwd=REPOSITORY,
            env={**os.environ, "PORT": str(port)},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        while status_of(port, "GET", "/healthz") != HTTPStatus.OK:
            time.sleep(0.2)
        yield psutil.Process(process.pid)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def status_of(port: int, method: str, path: str) -> int:
    """Ask once; 0 when nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path)
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


def notifications(number: int, signer: Signer, certificate_url: str) -> list[bytes]:
    """Make signed posts of so many different events."""
    texts = sample(number, dice=random.Random(1)).texts[:number]  # noqa: S311 - a sample
    posts = []
    for text in texts:
        message = {
            "Type": "Notification",
            "MessageId": str(uuid.uuid4()),
            "TopicArn": TOPIC_ARN,
            "Message": text,
            "Timestamp": "2026-10-12T09:00:00.000Z",
        }
        signature = {"SignatureVersion": "2", "Signature": signer.sign(message, version="2")}
        posts.append(json.dumps({**message, **signature, "SigningCertURL": certificate_url}).encode())
    return posts


def post_steadily(posts: Sequence[bytes], *, rate: float, port: int) -> list[Answer]:
    """Post all at *rate* a second over kept connections, each when it is due; return the answers in that order."""
    began = time.monotonic() + 0.2
    kept = threading.local()

    def post(place: int) -> Answer:
        due = began + place / rate
        time.sleep(max(0.0, due - time.monotonic()))
        if not hasattr(kept, "connection"):
            kept.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        headers = {"Content-Type": "text/plain; charset=UTF-8", "x-amz-sns-message-type": "Notification"}
        try:
            kept.connection.request("POST", "/webhooks/ses", posts[place], headers)
            answer = kept.connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            kept.connection.close()
            return Answer(due, time.monotonic(), 0)
        return Answer(due, time.monotonic(), answer.status)

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        return list(pool.map(post, range(len(posts))))


def cpu_seconds(process: psutil.Process) -> float:
    """Return what a process and its workers have used."""
    times = [one.cpu_times() for one in (process, *process.children(recursive=True))]
    return sum(one.user + one.system for one in times)


def measure(*, rate: float, seconds: float, milliseconds: float) -> Figures:
    """Post for *seconds* with SQS *milliseconds* away."""
    signer, port = Signer(), free_port()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        certificate_url = stack.enter_context(certificate_of(signer))
        variables = {"EMS_SNS_CERT_URL": certificate_url, "EMS_SNS_TOPIC_ARNS": TOPIC_ARN}
        aws, services = stack.enter_context(account(directory, **variables))
        far = stack.enter_context(FarBroker(port=aws.aws_port, milliseconds=milliseconds))
        os.environ["AWS_ENDPOINT_URL_SQS"] = far.url
        stack.callback(os.environ.pop, "AWS_ENDPOINT_URL_SQS")
        process = stack.enter_context(web(port, directory / "web.log"))
        posts = notifications(round(rate * (WARM_UP_SECONDS + seconds)), signer, certificate_url)
        warm_up = round(rate * WARM_UP_SECONDS)
        post_steadily(posts[:warm_up], rate=rate, port=port)
        calls_before, cpu_before = far.calls().total(), cpu_seconds(process)
        answers = post_steadily(posts[warm_up:], rate=rate, port=port)
        cpu, calls = cpu_seconds(process) - cpu_before, far.calls().total() - calls_before
        return figures(
            answers,
            sqs_ms=milliseconds,
            web_cpu_ms=cpu * 1000 / len(answers),
            calls=calls / len(answers),
            missing=len(posts) - queued_events(services),
        )


def queued_events(services: Services) -> int:
    """Take all messages out of the queue and count the events in them."""
    found = 0
    while taken := services.sqs.receive(queues.EVENTS, limit=50):
        found += sum(len(tracked_texts(**messages.arguments_of(message.body))) for message in taken)
        services.sqs.delete(queues.EVENTS, taken)
    return found


def figures(answers: Sequence[Answer], *, sqs_ms: float, web_cpu_ms: float, calls: float, missing: int) -> Figures:
    """Sum up."""
    took = sorted((one.answered - one.due) * 1000 for one in answers)
    lasted = max(one.answered for one in answers) - answers[0].due
    return Figures(
        sqs_ms=sqs_ms,
        posted=len(answers),
        posts_a_second=round(len(answers) / lasted, 1),
        refused=sum(one.status != HTTPStatus.OK for one in answers),
        p50_ms=round(statistics.median(took), 1),
        p99_ms=round(took[int(len(took) * 0.99)], 1),
        web_cpu_ms=round(web_cpu_ms, 2),
        sqs_calls_a_post=round(calls, 2),
        missing=missing,
    )


def main() -> None:
    """Measure with SQS near and far."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=500, help="posts a second")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--milliseconds", type=float, nargs="+", default=[0, 20, 200], help="that SQS is away")
    options = parser.parse_args()
    rows = [measure(rate=options.rate, seconds=options.seconds, milliseconds=away) for away in options.milliseconds]
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")
    table = Table(*(name.replace("_", " ") for name in Figures.__slots__))
    for row in rows:
        table.add_row(*(str(value) for value in asdict(row).values()))
    Console(width=170).print(table)
    raise SystemExit(any(row.refused or row.missing for row in rows))


if __name__ == "__main__":
    main()
